package dev.userssync.management;

/** Why a delivery was parked, in plain words, and what to do about it. */
record DeadLetterReason(String what, String todo) {

    /** @param sqlState of the database's error; null: the delivery never came so far */
    static DeadLetterReason of(String sqlState, String reason) {
        if (sqlState == null) {
            if (reason.startsWith("the provider is off")) {
                return new DeadLetterReason("Its provider is off.", "Set the provider's secret, start users-sync again, then replay it.");
            }
            return reason.contains("not JSON") || reason.contains("body is empty")
                    ? new DeadLetterReason("The provider signed something that is not JSON.", "Look at the delivery in the provider's console. Discard it if it is of no use.")
                    : new DeadLetterReason("It is not a user event as the mapping made it.", "Mend the mapping in routes/providers, then replay it.");
        }
        return switch (sqlState) {
            case "23505" -> new DeadLetterReason("A unique constraint of yours refuses the row.",
                    "Providers use an address again, for example. Drop the constraint, or change the other row; then replay it.");
            case "23503" -> new DeadLetterReason("A foreign key of yours refuses the row.", "Add the row that it refers to, then replay it.");
            case "23502" -> new DeadLetterReason("A column of yours must not be null, and the provider sent nothing for it.", "Drop NOT NULL, then replay it.");
            case "23514" -> new DeadLetterReason("A check constraint of yours refuses the row.", "Change the constraint, then replay it.");
            case "22P05", "22P02", "22021" -> new DeadLetterReason("It holds text that Postgres cannot store, such as the character U+0000.",
                    "Have the user's profile corrected at the provider; the next event brings it. Then discard this one.");
            case "P0001" -> new DeadLetterReason("A trigger of yours refuses the row.", "The reason names its function. Change the trigger, then replay it.");
            case "22001" -> new DeadLetterReason("A text is longer than a column of yours allows.", "Make the column TEXT, then replay it.");
            default -> new DeadLetterReason(sqlState.startsWith("54") ? "It is larger than Postgres allows."
                    : "The database refuses the row, with SQLState " + sqlState + ".", "Mend the cause, then replay it.");
        };
    }
}
