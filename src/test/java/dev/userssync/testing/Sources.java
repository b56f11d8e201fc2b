package dev.userssync.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Finds source files by the name of their class, in any package. */
public final class Sources {

    private Sources() {}

    /** Returns null without a match. */
    public static Path of(String folder, String className) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(folder))) {
            return files.filter(file -> file.endsWith(className + ".java"))
                    .findFirst()
                    .orElse(null);
        }
    }
}
