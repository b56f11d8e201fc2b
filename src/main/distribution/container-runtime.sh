#!/bin/sh
# usage: container-runtime.sh <java home> <folder>: what an image needs beside the application, made of this machine: a Java runtime without
# tools, and the C libraries that it is linked with.
set -eu
java=$1
root=$2
rm -rf "$root"
mkdir -p "$root/opt" "$root/tmp" "$root/lib64" "$root/etc"
"$java/bin/jlink" --add-modules java.se,jdk.unsupported,jdk.crypto.ec,jdk.zipfs,jdk.management,jdk.naming.dns,jdk.net \
  --strip-java-debug-attributes --no-man-pages --no-header-files --compress=2 --output "$root/opt/java"
# A distribution may keep it elsewhere, behind a link.
cp -L "$java/lib/security/cacerts" "$root/opt/java/lib/security/cacerts"
# Every library that the JVM names, by the path under which the loader looks for it.
{
  ldd "$root/opt/java/bin/java"
  find "$root/opt/java/lib" -name '*.so' ! -name 'libawt_xawt.so' ! -name 'libjsound.so' ! -name 'libsplashscreen.so' ! -name 'libfontmanager.so' \
    ! -name 'libfreetype.so' ! -name 'liblcms.so' ! -name 'libjavajpeg.so' ! -name 'libmlib_image.so' -exec ldd {} +
} | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/lib[^ ]*ld-linux[^ ]*\) .*/\1/p' | grep -v "^$root" | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
echo 'users-sync:x:65532:65532::/app:/nonexistent' > "$root/etc/passwd"
printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
# Not an empty folder: those are left out.
: > "$root/tmp/.keep"
