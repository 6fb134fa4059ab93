# SPDX-License-Identifier: LGPL-2.1-or-later
# awk -v shell=bash|zsh -f make-completion.awk TABLE TEMPLATE
#
# TABLE is what "sevlaunch --completion-table" prints (launcher/cli/command-list.h).  The
# template is printed with the line @TABLE@ replaced by the table in the shell's own words.

BEGIN { FS = "\t" }

# Words, options and arguments are collected in the order of the table.
NR == FNR && $1 == "word" {
    if (!($2 in words))
        groups[++n_groups] = $2
    words[$2] = words[$2] " " $3
    described[$2] = described[$2] " " quoted($3 ":" $4)
    next
}
NR == FNR && $1 == "default" {
    with_default[++n_defaults] = $2
    default_of[$2] = $3
    next
}
NR == FNR && $1 == "usage" {
    commands[++n_commands] = $2
    usage[$2] = $3
    next
}
NR == FNR && $1 == "option" {
    long = "--" $3
    short = $4 == "-" ? "" : "-" $4
    options[$2] = options[$2] " " long (short != "" ? " " short : "")
    specs[$2] = specs[$2] zsh_specs(long, short, $5, $6, $7)
    if ($5 != "none") {
        takes[++n_takes] = $2 " " long
        value[$2 " " long] = taken($5, $6)
        if (short != "") {
            takes[++n_takes] = $2 " " short
            value[$2 " " short] = taken($5, $6)
        }
    }
    next
}
NR == FNR { print "unknown line: " $0 >"/dev/stderr"; exit 1 }

$0 == "@TABLE@" {
    if (shell == "bash")
        bash_table()
    else
        zsh_table()
    next
}
{ print }

# What an option takes: file, dir, secret (NAME:FILE), text, or words with | between them.
function taken(kind, argument) {
    if (argument == "DIR")
        return "dir"
    if (argument ~ /:FILE$/)
        return "secret"
    if (kind ~ /^file/ && argument != "TEXT")
        return "file"
    if (argument ~ /^[a-z0-9-]+(\|[a-z0-9-]+)+$/)
        return argument
    return "text"
}

function quoted(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

function bash_array(name, keys, values, n, prefix,    i) {
    printf "declare -gA %s=(\n", name
    for (i = 1; i <= n; i++)
        printf "    [%s]=%s\n", quoted(prefix keys[i]), quoted(values[keys[i]])
    print ")"
}

function bash_table() {
    bash_array("_sevlaunch_words", groups, words, n_groups, "-")
    bash_array("_sevlaunch_default", with_default, default_of, n_defaults, "")
    bash_array("_sevlaunch_options", commands, options, n_commands, "")
    bash_array("_sevlaunch_usage", commands, usage, n_commands, "")
    bash_array("_sevlaunch_takes", takes, value, n_takes, "")
}

# _arguments(): colons and brackets have a meaning in it.
function plain(text) {
    gsub(/\\|\[|\]|:/, "\\\\&", text)
    return text
}

function zsh_action(what) {
    if (what == "dir")
        return "_files -/"
    if (what == "file")
        return "_files"
    if (what == "secret")
        return "_sevlaunch_secret"
    if (what == "text")
        return " "
    gsub(/\|/, " ", what)
    return "(" what ")"
}

function zsh_specs(long, short, kind, argument, text,    before, rest, out) {
    before = kind ~ /\+$/ ? "*" : short != "" ? "(" short " " long ")" : ""
    rest = "[" plain(text) "]"
    if (kind != "none")
        rest = rest ":" plain(argument) ":" zsh_action(taken(kind, argument))
    out = " \\\n            " quoted(before long (kind != "none" ? "=" : "") rest)
    if (short != "")
        out = out " \\\n            " quoted(before short (kind != "none" ? "+" : "") rest)
    return out
}

function zsh_words(line) {
    if (line == "")
        return ""
    if (line ~ /-- COMMAND/)
        return " \\\n            '*::COMMAND:_normal'"
    return " \\\n            " quoted("*:" plain(line) ":" (line == "DIR" ? "_files -/" : "_files"))
}

function zsh_table(    i) {
    print "_sevlaunch_words () {\n    local -a table\n    case $1 in"
    for (i = 1; i <= n_groups; i++)
        printf "    (%s) table=(%s) ;;\n", quoted(groups[i]), described[groups[i]]
    print "    (*) return 1 ;;\n    esac"
    print "    [[ $2 != in ]] || { [[ -n ${(M)table:#${(b)3}:*} ]]; return }"
    print "    [[ -n $2 ]] || _describe -t commands command table\n}\n"
    print "_sevlaunch_default () {\n    case $1 in"
    for (i = 1; i <= n_defaults; i++)
        printf "    (%s) print -r -- %s ;;\n", quoted(with_default[i]), quoted(default_of[with_default[i]])
    print "    esac\n}\n"
    print "_sevlaunch_options () {\n    case $1 in"
    for (i = 1; i <= n_commands; i++)
        printf "    (%s)\n        _arguments -s -S : \\\n            '(- *)'{-h,--help}'[List the options]'%s%s\n        ;;\n",
            quoted(commands[i]), specs[commands[i]], zsh_words(usage[commands[i]])
    print "    esac\n}"
}
