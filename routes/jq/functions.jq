# The functions for every mapping and poll beside jq's own, each with one line about its result.
# In the profile dev, users-sync reloads a saved file without a restart.

# The elements of an array that are neither null nor "".
def filled: map(select(. != null and . != ""));

# The first filled element, or null: [.name, .username] | first_filled.
def first_filled: filled | .[0];

# All filled elements as one text with blanks between, "" if there is none: [.first_name, .last_name] | words.
def words: filled | join(" ");

# Seconds since 1970 of a time in ISO 8601, in UTC and without its fraction.
def seconds: .[0:19] + "Z" | fromdateiso8601;

# ISO 8601 of milliseconds since 1970, which may be text: variable("since") | iso.
def iso: tonumber / 1000 | floor | todateiso8601;

# A time in ISO 8601, a number of seconds earlier: .updated_at | earlier(120).
def earlier($by): seconds - $by | todateiso8601;

# The list in a field of an answer; an API may send null for an empty one. Null without the field.
def listed($field): if has($field) then .[$field] // [] else null end;

# The position from which a poll continues, from its last page.
def cursor: variable("cursor") | fromjson;

# What a page by id adds to its answer: the next page starts with the last entry of this one. An empty page means that the entry of the cursor is gone;
# then the page before it is tried, and in the end $lost is the answer.
def pages_after($ids; $after; $lost):
  if $ids == [] and $after
  then if ($after | length) > 1 then {more: true, cursor: {after: $after[1:]}} else $lost end
  elif ($ids | length) < 2 then {}
  else {more: true, cursor: {after: ($ids | reverse | .[1:6])}}
  end;

# What a page by offset adds to its answer: each page starts with the last entry of the page before, and goes back if it does not.
def pages($offset; $count; $more):
  (if $offset > 0 then {retreat: {offset: ([0, $offset - 99] | max)}} else {} end)
  + if $more and $count > 1 then {more: true, cursor: {offset: ($offset + $count - 1)}} else {} end;

# For an API with numbered pages of at most $most entries: the page that holds the entry at an offset and the most entries after it, as {size, page, offset},
# with the offset of its first entry.
def numbered($offset; $most):
  [range(1; $most + 1) | {size: ., page: ($offset / . | floor + 1), offset: ($offset - $offset % .)}] | max_by(.offset + .size);
