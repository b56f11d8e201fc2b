package dev.userssync.routes;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.ResourceHelper;

/**
 * The folder of the routes at one moment: routes, kamelets and statements.
 *
 * @param texts of each file
 */
record RouteFiles(Map<Path, String> texts) {

    private static final String KAMELET = ".kamelet.yaml";
    private static final String ROUTE = ".camel.yaml";
    private static final String STATEMENT = ".sql";

    /** When each file of the folder was last written. */
    static Map<Path, FileTime> times(Path folder) throws IOException {
        Map<Path, FileTime> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(RouteFiles::isOne).toList()) {
                times.put(file, Files.getLastModifiedTime(file));
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return times;
    }

    private static boolean isOne(Path file) {
        String name = file.getFileName().toString();
        return name.endsWith(ROUTE) || name.endsWith(KAMELET) || name.endsWith(STATEMENT);
    }

    static RouteFiles read(Iterable<Path> files) throws IOException {
        Map<Path, String> texts = new TreeMap<>();
        for (Path file : files) {
            texts.put(file, Files.readString(file));
        }
        return new RouteFiles(texts);
    }

    /** The kamelets, then the routes: Camel would read a kamelet that a route uses from the disk. */
    List<Resource> resources() {
        return Stream.of(KAMELET, ROUTE)
                .flatMap(kind ->
                        texts.keySet().stream().filter(file -> file.toString().endsWith(kind)))
                .map(file -> ResourceHelper.fromString("file:" + file.toAbsolutePath(), texts.get(file)))
                .toList();
    }
}
