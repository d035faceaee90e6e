/* options.c: the command line. See options.h. */
#include "options.h"

#include <stdio.h>
#include <string.h>

/* An argument is attached (-efoo, --seed=3) or the next word, which then must not look like an
** option. */
typedef struct Known {
  const char *name;
  gr_OptionKind kind;
  const char *argument;  /* what it takes, or NULL */
  const char *help;
} Known;

static const Known known_options[] = {
  {"-e", GR_OPTION_EXECUTE, "stat", "execute string 'stat'"},
  {"-i", GR_OPTION_INTERACTIVE, NULL, "enter interactive mode after executing 'script'"},
  {"-l", GR_OPTION_LIBRARY, "mod", "require library 'mod' into global 'mod'; -l g=mod: into 'g'"},
  {"-v", GR_OPTION_LUA_VERSION, NULL, "show Lua's version"},
  {"-E", GR_OPTION_NO_ENVIRONMENT, NULL, "ignore environment variables"},
  {"-W", GR_OPTION_WARNINGS, NULL, "turn warnings on"},
  {"-D", GR_OPTION_DEFINE, "name=value", "give the script's param(\"name\", ...) this value"},
  {"--params", GR_OPTION_PARAMETERS, NULL, "list what the script takes by -D, and do not run it"},
  {"--seed", GR_OPTION_SEED, "n", "fix everything random, as seed(n) at the script's start"},
  {"--threads", GR_OPTION_THREADS, "n", "spread large work over n threads; no digit depends on it"},
  {"--strict", GR_OPTION_STRICT, NULL, "reading an undefined global is an error, not a warning"},
  {"--no-warnings", GR_OPTION_NO_WARNINGS, NULL, "no warning about undefined globals"},
  {"--profile", GR_OPTION_PROFILE, NULL, "tell at the end where the time went, by operation"},
  {"--test", GR_OPTION_TEST, "...", "run the tests in files and folders; see --test --help"},
  {"--help", GR_OPTION_HELP, NULL, "show this"},
  {"--version", GR_OPTION_VERSION, NULL, "show the version of Gradus"},
};

enum { KNOWN_OPTIONS = sizeof known_options / sizeof known_options[0] };

static const Known *find_known(const char *text, const char **attached) {
  bool is_long = text[1] == '-';
  size_t length = is_long ? strcspn(text, "=") : 2;
  for (int i = 0; i < KNOWN_OPTIONS; i++) {
    const Known *known = &known_options[i];
    if (strlen(known->name) != length || memcmp(known->name, text, length) != 0) continue;
    *attached = text[length] == '\0' ? NULL : text + length + (is_long ? 1 : 0);
    return known;
  }
  return NULL;
}

gr_Option gr_options_next(const gr_Options *options, int *i) {
  const char *text = *i < options->argc ? options->argv[*i] : NULL, *attached = NULL;
  gr_Option option = {GR_OPTION_END, text, NULL};
  if (text == NULL || text[0] != '-' || text[1] == '\0') return option;
  ++*i;
  if (strcmp(text, "--") == 0) return option;
  const Known *known = find_known(text, &attached);
  option.kind = known == NULL ? GR_OPTION_UNKNOWN : known->kind;
  if (known == NULL) return option;
  if (known->argument == NULL || known->kind == GR_OPTION_TEST) {
    if (attached != NULL) option.kind = GR_OPTION_UNKNOWN;
    return option;
  }
  option.value = attached;
  if (attached == NULL && *i < options->argc && options->argv[*i][0] != '-')
    option.value = options->argv[(*i)++];
  if (option.value == NULL) option.kind = GR_OPTION_INCOMPLETE;
  return option;
}

bool gr_options_read(gr_Options *options, int argc, char **argv) {
  int i = 1;
  memset(options, 0, sizeof *options);
  options->argc = argc;
  options->argv = argv;
  options->program = argc > 0 && argv[0][0] != '\0' ? argv[0] : "gradus";
  for (;;) {
    gr_Option option = gr_options_next(options, &i);
    options->given[option.kind] = true;
    options->script = i;
    options->wrong = option;
    if (option.kind == GR_OPTION_UNKNOWN || option.kind == GR_OPTION_INCOMPLETE) return false;
    if (option.kind == GR_OPTION_END || option.kind == GR_OPTION_TEST) return true;
  }
}

static void print_options(FILE *file) {
  fprintf(file, "Available options are:\n");
  for (int i = 0; i < KNOWN_OPTIONS; i++) {
    const Known *known = &known_options[i];
    char left[32];
    snprintf(left, sizeof left, "%s %s", known->name, known->argument ? known->argument : "");
    fprintf(file, "  %-15s %s\n", left, known->help);
  }
  fprintf(file, "  --              stop handling options\n"
                "  -               stop handling options and execute stdin\n");
}

void gr_options_complain(const gr_Options *options) {
  const gr_Option *wrong = &options->wrong;
  fprintf(stderr, wrong->kind == GR_OPTION_INCOMPLETE ? "%s: '%s' needs argument\n"
                                                      : "%s: unrecognized option '%s'\n",
          options->program, wrong->text);
  fprintf(stderr, "usage: %s [options] [script [args]]\n", options->program);
  print_options(stderr);
}

void gr_options_help(void) {
  printf("usage: gradus [options] [script [args]]\n"
         "Runs a Lua 5.4 script; without one, and with nothing else to do, the prompt.\n");
  print_options(stdout);
}
