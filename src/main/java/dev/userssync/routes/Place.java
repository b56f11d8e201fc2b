package dev.userssync.routes;

import java.nio.file.Path;
import org.apache.camel.FailedToCreateRouteException;
import org.apache.camel.model.BeanDefinition;
import org.apache.camel.model.ExpressionNode;
import org.apache.camel.model.Model;
import org.apache.camel.model.ProcessDefinition;
import org.apache.camel.model.ProcessorDefinition;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.ToDefinition;
import org.apache.camel.spi.Resource;
import org.apache.camel.util.ObjectHelper;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;

/** Where a mistake is, for people. Stateless. */
final class Place {

    private Place() {}

    /** {@code <file>:<line>: }, relative to the folder of users-sync; without what is not known. */
    static String of(String location, int line) {
        if (location == null) {
            return "";
        }
        Path here = Path.of("").toAbsolutePath();
        Path path =
                Path.of(location.replaceFirst("^file:", "")).toAbsolutePath().normalize();
        return (path.startsWith(here) ? here.relativize(path) : path) + (line > 0 ? ":" + line : "") + ": ";
    }

    /**
     * A failure to load or build routes: the file, the line if it is known, and what is wrong.
     *
     * @param file that was read; null if it is not known
     */
    static String describe(Throwable failure, Resource file, Model model) {
        String location = file == null ? null : file.getLocation();
        MarkedYamlEngineException marked = ObjectHelper.getException(MarkedYamlEngineException.class, failure);
        if (marked != null) {
            return of(location, marked.getProblemMark().map(Mark::getLine).orElse(-1) + 1) + marked.getProblem();
        }
        FailedToCreateRouteException route = ObjectHelper.getException(FailedToCreateRouteException.class, failure);
        RouteDefinition built = route == null ? null : model.getRouteDefinition(route.getRouteId());
        int line = 0;
        if (built != null) {
            location = built.getInput().getLocation();
            line = line(built, route.getCause());
        }
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return of(location, line)
                + String.valueOf(cause.getMessage())
                        .lines()
                        .findFirst()
                        .orElse("")
                        .strip();
    }

    /** The line of the step whose address, expression or bean the failure quotes; 0 if there is none. */
    private static int line(RouteDefinition route, Throwable failure) {
        StringBuilder messages = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            messages.append(cause.getMessage()).append('\n');
        }
        String text = messages.toString().replace("://", ":");
        int line = 0;
        String longest = "";
        for (ProcessorDefinition<?> step :
                ProcessorDefinitionHelper.filterTypeInOutputs(route.getOutputs(), ProcessorDefinition.class)) {
            String quoted = quoted(step);
            if (quoted != null && quoted.length() > longest.length() && text.contains(quoted)) {
                longest = quoted;
                line = step.getLineNumber();
            }
        }
        return line;
    }

    private static String quoted(ProcessorDefinition<?> step) {
        if (step instanceof ToDefinition to) {
            return to.getEndpointUri();
        } else if (step instanceof ExpressionNode expression && expression.getExpression() != null) {
            return expression.getExpression().getExpression();
        } else if (step instanceof ProcessDefinition process) {
            return process.getRef();
        }
        return step instanceof BeanDefinition bean ? bean.getRef() : null;
    }
}
