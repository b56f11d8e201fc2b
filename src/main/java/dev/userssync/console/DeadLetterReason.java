package dev.userssync.console;

/** Explains in plain words why a delivery was parked, and what to do. */
record DeadLetterReason(String what, String todo) {

    /** @param sqlState of the database's error, or null if the delivery did not reach the database */
    static DeadLetterReason of(String sqlState, String reason) {
        if (sqlState == null) {
            if (reason.startsWith("the provider is off")) {
                return new DeadLetterReason(
                        "The provider is off.",
                        "Set the provider's secret, restart users-sync, then replay the dead letter.");
            }
            return reason.contains("not JSON") || reason.contains("body is empty")
                    ? new DeadLetterReason(
                            "The provider signed a body that is not JSON.",
                            "See the delivery in the provider's console. Discard the dead letter if you do not need it.")
                    : new DeadLetterReason(
                            "The mapping did not make a valid user event.",
                            "Fix the mapping in routes/providers, then replay the dead letter.");
        }
        return switch (sqlState) {
            case "23505" ->
                new DeadLetterReason(
                        "A unique constraint of yours refuses the row.",
                        "For example, a provider may reuse an address. Drop the constraint or change the other row, then replay the dead letter.");
            case "23503" ->
                new DeadLetterReason(
                        "A foreign key of yours refuses the row.",
                        "Add the row that it refers to, then replay the dead letter.");
            case "23502" ->
                new DeadLetterReason(
                        "A column of yours must not be null, and the provider sent no value.",
                        "Drop NOT NULL, then replay the dead letter.");
            case "23514" ->
                new DeadLetterReason(
                        "A check constraint of yours refuses the row.",
                        "Change the constraint, then replay the dead letter.");
            case "22P05", "22P02", "22021" ->
                new DeadLetterReason(
                        "The delivery holds text that Postgres cannot store, such as the character U+0000.",
                        "Correct the user's profile at the provider; the next event brings it. Then discard the dead letter.");
            case "P0001" ->
                new DeadLetterReason(
                        "A trigger of yours refuses the row.",
                        "The reason names the function. Change the trigger, then replay the dead letter.");
            case "22001" ->
                new DeadLetterReason(
                        "A text is longer than a column of yours allows.",
                        "Make the column TEXT, then replay the dead letter.");
            default ->
                new DeadLetterReason(
                        sqlState.startsWith("54")
                                ? "The row is larger than Postgres allows."
                                : "The database refuses the row, with SQLState " + sqlState + ".",
                        "Fix the cause, then replay the dead letter.");
        };
    }
}
