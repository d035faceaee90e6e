/* editor.h: reading an entry from the terminal, with GNU readline.
**
** An entry may have several lines and is edited as one. What depends on Lua is asked of an Advisor:
** whether Return ends the entry, and what completes a word.
**
** Up and Down walk through the history (recall.h). Tab completes. Alt-Return breaks the line. */
#ifndef GR_GRADUS_EDITOR_H
#define GR_GRADUS_EDITOR_H

#include <stdbool.h>

typedef struct gr_Advisor {
  void *data;
  /* Return was pressed at byte *point of the text. What stands there now (from malloc; NULL: the
  ** same), and in *point the cursor's place in it, or -1 when the entry is to be run. */
  char *(*go_on)(void *data, const char *text, int *point);
  /* The characters that end the word to be completed, for the text before the cursor. */
  const char *(*word_breaks)(void *data, const char *before);
  /* The words, from malloc and ended by NULL, that may replace the last one of that text; NULL:
  ** none. *are_files: they name files. */
  char **(*complete)(void *data, const char *before, bool *are_files);
} gr_Advisor;

/* Prepare the terminal and load the history. */
void gr_editor_open(const gr_Advisor *advisor);

/* The next entry, from malloc, or NULL at the end of the input. The prompts stand before its first
** line and before those that follow. */
char *gr_editor_read(const char *prompt, const char *continuation);

#endif
