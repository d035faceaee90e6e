/* lines.h: an entry of several lines in readline, which knows but one.
**
** It is drawn with a prompt of its own before each line after the first, and in part where it is
** higher than the screen; Home, End and the keys that kill to the end or the beginning mean the
** line that the cursor stands in. */
#ifndef GR_GRADUS_LINES_H
#define GR_GRADUS_LINES_H

#include <stdbool.h>

/* Bind the keys and take over the drawing. */
void gr_lines_open(void);

/* What is shown before the second line and those that follow; the string must stay. */
void gr_lines_set_prompt(const char *continuation);

/* Whether the terminal can: its cursor must be able to go up. Where it cannot, a space stands for
** the end of a line. */
bool gr_lines_can_be_shown(void);

/* Where the line that holds this byte of the entry begins and ends. */
int gr_lines_start(int point);
int gr_lines_end(int point);

/* Move the cursor a line up or down; false where there is none. */
bool gr_lines_go_up(void);
bool gr_lines_go_down(void);

#endif
