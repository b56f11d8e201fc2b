# The functions that every mapping and poll may use beside jq's own: one line says what each gives.
# In the profile dev a saved file is live without a restart.

# The elements of an array that are neither null nor "".
def filled: map(select(. != null and . != ""));

# The first of them, or null: [.name, .username] | first_filled.
def first_filled: filled | .[0];

# All of them in one text, a blank between two; "" if there is none: [.first_name, .last_name] | words.
def words: filled | join(" ");

# Seconds since 1970 of a time in ISO 8601, in UTC and without its fraction.
def seconds: .[0:19] + "Z" | fromdateiso8601;

# ISO 8601 of milliseconds since 1970, which may be text: variable("since") | iso.
def iso: tonumber / 1000 | floor | todateiso8601;

# A time in ISO 8601, so many seconds earlier: .updated_at | earlier(120).
def earlier($by): seconds - $by | todateiso8601;

# Where a poll goes on, as its last page said it.
def cursor: variable("cursor") | fromjson;
