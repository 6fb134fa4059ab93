/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * The rows of tests/data/psp-*.tsv, whose comments are the format.  Every alternative of a
 * row is a TableCase of its own here.
 */

typedef struct {
    char *name;
    guint offset, width; /* bytes in the command buffer */
    char *value;         /* of the good call */
} TableField;

typedef struct {
    guint32 id;
    char *name; /* a number, if the tables have no good call */
    guint size;
    char *start;
    GPtrArray *fields; /* TableField */
    char **effects;
} TableCommand;

typedef struct {
    const TableCommand *command;
    char *start;
    char **edits;
    guint32 status;
    char **effects; /* those of the good call first, if @status is SUCCESS */
    gboolean loose; /* a cell of the table of states: only status and states are compared */
    gboolean design; /* D */
    char *where;     /* file:line, for messages */
    char *text;      /* the call, for messages */
} TableCase;

typedef struct {
    GPtrArray *commands; /* TableCommand */
    GPtrArray *cases;    /* TableCase, by start */
    GHashTable *cells;   /* "id column": which cells of the tables of states there are */
} Tables;

/* The columns of the tables of states. */
#define TABLE_STATES 9u
extern const char *const table_states[TABLE_STATES];

Tables *tables_load (void);
void tables_free (Tables *tables);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Tables, tables_free)

/* Returns: (nullable) */
const TableField *table_field (const TableCommand *command, const char *name);
/* A whole string as a number, 0x... or decimal. */
gboolean table_number (const char *text, guint64 *out);
/* Of every member; asserts that the name exists. */
guint32 table_status (const char *name);
