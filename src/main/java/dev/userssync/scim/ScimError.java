package dev.userssync.scim;

import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ErrorResponse;
import dev.userssync.database.Database;
import dev.userssync.event.Failure;
import dev.userssync.event.InvalidUserEvent;
import dev.userssync.event.LineLimit;
import dev.userssync.resource.Json;
import dev.userssync.settings.Setting;
import java.sql.SQLException;
import java.util.concurrent.RejectedExecutionException;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers a failed request with an error document (RFC 7644 §3.12). In: the failed exchange. The document holds nothing
 * that the client must not know, such as a database's message. The log holds nothing of a user. Thread-safe.
 */
@BindToRegistry("scim-error")
public final class ScimError implements Processor {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync.scim");

    private final LineLimit limit = new LineLimit(LOG);

    @Override
    public void process(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        ErrorResponse error = error(failure);
        String retryAfter = Setting.of(exchange.getContext(), "retry.after");
        log(error, failure, Database.covers(exchange.getContext(), failure), retryAfter);
        Message reply = exchange.getMessage();
        reply.setHeader(Exchange.HTTP_RESPONSE_CODE, error.getStatus());
        reply.setHeader(Exchange.CONTENT_TYPE, ScimReply.CONTENT_TYPE);
        if (error.getStatus() == 503) {
            reply.setHeader("Retry-After", retryAfter);
        }
        if (error.getStatus() == 401) {
            reply.setHeader("WWW-Authenticate", "Bearer");
        }
        reply.setBody(Json.text(error));
    }

    private static ErrorResponse error(Exception failure) {
        ScimException told = ObjectHelper.getException(ScimException.class, failure);
        if (told != null) {
            return told.getScimError();
        }
        if (failure instanceof SecurityException) {
            return error(401, null, "the bearer token is missing or unknown");
        }
        if (failure instanceof InvalidUserEvent) {
            return error(400, BadRequestException.INVALID_VALUE, failure.getMessage());
        }
        SQLException sql = ObjectHelper.getException(SQLException.class, failure);
        if (sql != null && Failure.causedByRow(sql)) {
            return error(
                    400,
                    BadRequestException.INVALID_VALUE,
                    "the database refuses a value (SQLState " + sql.getSQLState() + ")");
        }
        if (sql != null || failure instanceof RejectedExecutionException) {
            return error(503, null, "the database is unreachable or busy, try again");
        }
        return error(500, null, "the request could not be handled");
    }

    private static ErrorResponse error(int status, String type, String detail) {
        ErrorResponse error = new ErrorResponse(status);
        error.setScimType(type);
        error.setDetail(detail);
        return error;
    }

    private void log(ErrorResponse error, Exception failure, boolean outage, String retryAfter) {
        int status = error.getStatus();
        if (status == 503 && outage) {
            LOG.debug("scim: not applied, the database is unreachable");
        } else if (status == 503) {
            limit.log(
                    "scim",
                    "answered 503",
                    Failure.safeReason(failure),
                    LOG::atWarn,
                    "not applied, asked the client to retry in " + retryAfter + " s: " + Failure.safeReason(failure));
        } else if (status == 500) {
            StackTraceElement[] trace = failure.getStackTrace();
            limit.log(
                    "scim",
                    "answered 500",
                    failure.getClass().getName(),
                    LOG::atError,
                    "a request failed with " + failure.getClass().getName() + " at "
                            + (trace.length == 0 ? "?" : trace[0]));
        } else if (ObjectHelper.getException(SQLException.class, failure) != null) {
            limit.log(
                    "scim",
                    "refused by the database",
                    Failure.safeReason(failure),
                    LOG::atWarn,
                    "answered 400, because the database refuses a user: " + Failure.safeReason(failure));
        } else { // the route logs refused requests, within limits
            LOG.debug("scim: answered {} {}", status, error.getScimType());
        }
    }

    /** The error document for a reply that no route gives. */
    public static String document(int status) {
        return Json.text(error(
                status,
                null,
                switch (status) {
                    case 404 -> "there is nothing at this path";
                    case 405 -> "this path does not allow the method";
                    case 413 -> "the body is too large";
                    case 415 -> "the body must be application/scim+json or application/json";
                    case 500 -> "the request could not be handled";
                    case 503 -> "users-sync is stopping, try again";
                    default -> "the request cannot be read";
                }));
    }
}
