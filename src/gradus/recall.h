/* recall.h: walking through the history, with Up and Down.
**
** They go to the entries that begin with what stands before the cursor; in an entry of several
** lines they first move in it. After an entry that was called back has been run, Down brings the
** one that came after it. What was being typed when the walk began is where it ends below, and is
** kept until it is run. */
#ifndef GR_GRADUS_RECALL_H
#define GR_GRADUS_RECALL_H

/* Load the history. */
void gr_recall_open(void);

/* An entry begins: the walk starts from the end of the history. */
void gr_recall_begin(void);

/* What is run, or left unfinished, is found again: here, and in the next run. */
void gr_recall_remember(const char *entry);

/* An entry is run: where Down goes on, and what is no more unfinished. */
void gr_recall_note_accepted(const char *entry);

/* Readline's commands for the keys. */
int gr_recall_up(int count, int key);
int gr_recall_down(int count, int key);

#endif
