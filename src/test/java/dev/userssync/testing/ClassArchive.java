package dev.userssync.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Halves the start of {@link AppProcess}, as {@code bin/users-sync} does: an archive of the loaded classes. Java makes
 * no archive for a class path with folders, so the project's classes become a jar. All forks share the archive. The
 * first fork makes it, and makes it again when a class has changed.
 */
public final class ClassArchive {

    private static final Path FOLDER = Path.of("target/class-archive").toAbsolutePath();
    private static final List<Path> OURS =
            List.of(Path.of("target/classes"), Path.of("target/test-classes/log4j2-test.properties"));
    private static final List<String> OPTIONS = make();

    private ClassArchive() {}

    /** The options of Java, including the class path. */
    public static List<String> options() {
        return OPTIONS;
    }

    private static List<String> make() {
        try {
            Files.createDirectories(FOLDER);
            try (FileChannel file = FileChannel.open(
                            FOLDER.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = file.lock()) {
                String name = Integer.toHexString(
                        (state() + System.getProperty("java.class.path") + Runtime.version()).hashCode());
                Path jar = FOLDER.resolve(name + ".jar");
                Path archive = FOLDER.resolve(name + ".jsa");
                List<String> classPath = List.of(
                        "-cp",
                        jar
                                + File.pathSeparator
                                + Arrays.stream(System.getProperty("java.class.path")
                                                .split(File.pathSeparator))
                                        .filter(entry -> !Files.isDirectory(Path.of(entry)))
                                        .collect(Collectors.joining(File.pathSeparator)));
                if (!Files.exists(archive)) {
                    try (DirectoryStream<Path> old = Files.newDirectoryStream(FOLDER, "*.{jar,jsa}")) {
                        for (Path one : old) {
                            Files.delete(one);
                        }
                    }
                    pack(jar);
                    Path made = FOLDER.resolve("made");
                    List<String> dump = new ArrayList<>(
                            List.of("-XX:ArchiveClassesAtExit=" + made, "-Xlog:cds=off", "-Xlog:cds+dynamic=off"));
                    dump.addAll(classPath);
                    runOnce(dump);
                    Files.move(made, archive);
                }
                List<String> options = new ArrayList<>(List.of(
                        "-XX:SharedArchiveFile=" + archive, "-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"));
                options.addAll(classPath);
                return options;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void runOnce(List<String> options) throws IOException {
        Path directory = Files.createTempDirectory(FOLDER, "run");
        try (AppProcess app = new AppProcess(
                        List.of(), options, directory.resolve("data"), "GENERIC_WEBHOOK_SECRET", TestSettings.SECRET)
                .awaitRunning()) {
            assertEquals(
                    204,
                    new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}")
                            .post(app.webhooks("generic"))
                            .statusCode());
            app.stop();
            app.exitCode();
        }
    }

    /** Names, sizes and times of the project's files. */
    private static String state() throws IOException {
        StringBuilder state = new StringBuilder();
        for (Path ours : OURS) {
            for (Path file : files(ours)) {
                if (Files.isRegularFile(file)) {
                    state.append(file).append(Files.size(file)).append(Files.getLastModifiedTime(file));
                }
            }
        }
        return state.toString();
    }

    private static void pack(Path jar) throws IOException {
        try (OutputStream out = Files.newOutputStream(jar);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.setLevel(1);
            for (Path ours : OURS) {
                for (Path file : files(ours)) {
                    String name = (Files.isDirectory(ours) ? ours : ours.getParent())
                            .relativize(file)
                            .toString()
                            .replace(File.separatorChar, '/');
                    if (Files.isRegularFile(file)) {
                        zip.putNextEntry(new ZipEntry(name));
                        Files.copy(file, zip);
                    } else if (!name.isEmpty()) {
                        zip.putNextEntry(new ZipEntry(name + "/")); // Camel finds the beans of a package by its folder
                    }
                }
            }
        }
    }

    private static List<Path> files(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.sorted().toList();
        }
    }
}
