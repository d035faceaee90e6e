/* history.h: the entries of earlier prompts, in a file.
**
** The file is $XDG_STATE_HOME/gradus/history (~/.local/state where that is not set), one entry a
** line, with \n for a newline inside an entry and \\ for a backslash. An entry is added by one
** write at the end of the file, so that prompts at work at the same time lose nothing, and the file
** is never rewritten; a prompt reads the last of it when it starts. */
#ifndef GR_GRADUS_HISTORY_H
#define GR_GRADUS_HISTORY_H

/* Call add for each entry of the file's last part, from the oldest. */
void gr_history_load(void (*add)(const char *entry));

/* Append an entry to the file; where that cannot be done, nothing happens. */
void gr_history_append(const char *entry);

#endif
