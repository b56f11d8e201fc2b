package dev.userssync.testing;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.apache.logging.log4j.core.layout.PatternLayout;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/** All log lines at info and above, with their stack traces. */
public final class CapturedLog {

    private final List<String> lines = new CopyOnWriteArrayList<>();

    public CapturedLog() {
        PatternLayout layout = PatternLayout.newBuilder()
                .withPattern("%level %logger : %msg%n%throwable")
                .build();
        AbstractAppender appender =
                new AbstractAppender(
                        "captured-" + System.identityHashCode(this), null, layout, true, Property.EMPTY_ARRAY) {
                    @Override
                    public void append(LogEvent event) {
                        lines.add(new String(layout.toByteArray(event)));
                    }
                };
        appender.start();
        ((LoggerContext) LogManager.getContext(false))
                .getConfiguration()
                .getRootLogger()
                .addAppender(appender, Level.INFO, null);
        ((LoggerContext) LogManager.getContext(false)).updateLoggers();
    }

    public List<String> lines() {
        return lines;
    }

    /** Waits for a line that holds a text. What a poll logs comes after the state that it writes. */
    public void await(String text) {
        try {
            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> lines.stream().anyMatch(line -> line.contains(text)));
        } catch (ConditionTimeoutException e) {
            throw new AssertionError("no line holds \"" + text + "\": " + lines, e);
        }
    }

    public void clear() {
        lines.clear();
    }
}
