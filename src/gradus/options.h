/* options.h: the command line.
**
** The options of lua5.4's manual page mean what they mean there, errors included; the long ones,
** and -D, are Gradus's own. The command line is read twice: gr_options_read checks all of it before
** anything runs, and gr_options_next gives the options again, one by one, to whoever carries them
** out in order. */
#ifndef GR_GRADUS_OPTIONS_H
#define GR_GRADUS_OPTIONS_H

#include <stdbool.h>

typedef enum gr_OptionKind {
  GR_OPTION_EXECUTE,      /* -e stat */
  GR_OPTION_LIBRARY,      /* -l name, -l global=name */
  GR_OPTION_WARNINGS,     /* -W */
  GR_OPTION_INTERACTIVE,  /* -i */
  GR_OPTION_LUA_VERSION,  /* -v */
  GR_OPTION_NO_ENVIRONMENT,  /* -E */
  GR_OPTION_DEFINE,       /* -D name=value */
  GR_OPTION_SEED,         /* --seed n */
  GR_OPTION_THREADS,      /* --threads n */
  GR_OPTION_STRICT,       /* --strict */
  GR_OPTION_NO_WARNINGS,  /* --no-warnings */
  GR_OPTION_PROFILE,      /* --profile */
  GR_OPTION_PARAMETERS,   /* --params */
  GR_OPTION_TEST,         /* --test: what follows is the test runner's */
  GR_OPTION_HELP,         /* --help */
  GR_OPTION_VERSION,      /* --version */
  GR_OPTION_END,          /* no more options: the script, if there is one, is next */
  GR_OPTION_UNKNOWN,
  GR_OPTION_INCOMPLETE    /* its argument is missing */
} gr_OptionKind;

enum { GR_OPTION_KINDS = GR_OPTION_INCOMPLETE + 1 };

typedef struct gr_Option {
  gr_OptionKind kind;
  const char *text;   /* as written */
  const char *value;  /* its argument, or NULL */
} gr_Option;

typedef struct gr_Options {
  int argc;
  char **argv;
  const char *program;          /* how messages are prefixed: argv[0] */
  bool given[GR_OPTION_KINDS];
  int script;                   /* the script's place among the arguments; argc: none */
  gr_Option wrong;              /* the option that is unknown or incomplete */
} gr_Options;

/* Read the whole command line; false when an option is wrong. */
bool gr_options_read(gr_Options *options, int argc, char **argv);

/* The option at argv[*i], which becomes the place after it. Of a command line that was read, it
** gives each option and then GR_OPTION_END. */
gr_Option gr_options_next(const gr_Options *options, int *i);

/* Tell what is wrong, as lua does, on standard error; tell all options, on standard output. */
void gr_options_complain(const gr_Options *options);
void gr_options_help(void);

#endif
