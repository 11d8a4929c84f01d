package clidoc

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// Shells are the shells that [Completion] knows.
var Shells = []string{"bash", "zsh", "fish"}

// Completion writes a script that makes a shell complete the commands, flags and
// files of app. shell is one of [Shells].
func Completion(w io.Writer, app *cli.App, shell string) error {
	program, commands := pages(app)
	write, ok := map[string]func(*page, []*page) string{"bash": bash, "zsh": zsh, "fish": fish}[shell]
	if !ok {
		return fmt.Errorf("unknown shell %q: bash, zsh and fish are known", shell)
	}
	_, err := io.WriteString(w, write(program, commands))
	return err
}

// function is a name for a shell function about program.
func function(program string) string { return "_" + strings.ReplaceAll(program, "-", "_") }

// quote is text as a word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// taking are the names of the flags whose value's placeholder fits.
func (p *page) taking(fits func(value string) bool) string {
	var all []string
	for _, o := range p.options {
		if fits(o.value) {
			all = append(all, o.names...)
		}
	}
	return strings.Join(all, " ")
}

// bash leaves files to readline, which completes them where nothing else is found.
// Version 3.2, which macOS has, knows no compopt.
func bash(program *page, commands []*page) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for %s
%s() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local i command='' flags='' paths='' folders='' values='' words='' files=''
  COMPREPLY=()
  # bash makes three words of --flag=value
  if [ "$cur" = = ]; then
    cur=''
  elif [ "$prev" = = ] && [ "$COMP_CWORD" -gt 1 ]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      %s)
        command=${COMP_WORDS[i]}
        break
        ;;
    esac
  done
  case $command in
`, program.program, function(program.program), strings.Join(names(commands), " | "))
	for _, p := range append([]*page{program}, commands...) {
		fmt.Fprintf(&b, "    %s)\n", quote(p.command))
		words := p.words(commands)
		if p == program {
			words = names(commands)
		}
		for _, v := range [][2]string{
			{"flags", p.taking(func(string) bool { return true })},
			{"paths", p.taking(func(v string) bool { return v == "FILE" })},
			{"folders", p.taking(func(v string) bool { return v == "DIR" })},
			{"values", p.taking(func(v string) bool { return v != "" && v != "FILE" && v != "DIR" })},
			{"words", strings.Join(words, " ")},
		} {
			if v[1] != "" {
				fmt.Fprintf(&b, "      %s=%s\n", v[0], quote(v[1]))
			}
		}
		if p.takesFiles() {
			b.WriteString("      files=yes\n")
		}
		b.WriteString("      ;;\n")
	}
	fmt.Fprintf(&b, `  esac
  case " $paths " in *" $prev "*) return ;; esac
  case " $folders " in *" $prev "*)
    compopt -o dirnames +o default 2>/dev/null
    return
    ;;
  esac
  case " $values " in *" $prev "*)
    compopt +o default 2>/dev/null
    return
    ;;
  esac
  case $cur in -*) words=$flags files='' ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [ -n "$files" ] || compopt +o default 2>/dev/null
}
complete -o default -F %s %s
`, function(program.program), program.program)
	return b.String()
}

// zsh runs the script as the body of the function when it is found in fpath, and
// defines the function when it is sourced.
func zsh(program *page, commands []*page) string {
	var b strings.Builder
	name := function(program.program)
	fmt.Fprintf(&b, `#compdef %s
%s() {
  local i command=''
  local -a commands
  commands=(
`, program.program, name)
	for _, c := range commands {
		fmt.Fprintf(&b, "    %s\n", quote(strings.ReplaceAll(c.command, ":", `\:`)+":"+c.usage))
	}
	fmt.Fprintf(&b, `  )
  for ((i = 2; i < CURRENT; i++)); do
    case ${words[i]} in
      %s)
        command=${words[i]}
        words[2,i]=()
        ((CURRENT -= i - 1))
        break
        ;;
    esac
  done
  case $command in
`, strings.Join(names(commands), " | "))
	for _, p := range append([]*page{program}, commands...) {
		fmt.Fprintf(&b, "    %s)\n      _arguments -S", quote(p.command))
		for i := range p.options {
			for _, spec := range p.options[i].zsh() {
				fmt.Fprintf(&b, " \\\n        %s", quote(spec))
			}
		}
		files := ""
		if p.takesFiles() {
			files = "; _files"
		}
		switch words := p.words(commands); {
		case p == program && len(commands) > 0:
			fmt.Fprintf(&b, " \\\n        '1: :{_describe -t commands command commands%s}'", files)
		case words != nil:
			fmt.Fprintf(&b, " \\\n        '1: :(%s)'", strings.Join(words, " "))
		}
		if files != "" {
			b.WriteString(" \\\n        '*: :_files'")
		}
		b.WriteString("\n      ;;\n")
	}
	fmt.Fprintf(&b, `  esac
}
if [ "$funcstack[1]" = _%[2]s ]; then
  %[1]s "$@"
else
  compdef %[1]s %[2]s
fi
`, name, program.program)
	return b.String()
}

var zshText = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `:`, `\:`)

// zsh returns how _arguments describes o, under each of its names.
func (o *option) zsh() []string {
	var all []string
	for _, name := range o.names {
		spec := name
		if o.value != "" && strings.HasPrefix(name, "--") {
			spec += "="
		}
		spec += "[" + zshText.Replace(o.brief()) + "]"
		if o.value != "" {
			action := map[string]string{"FILE": "_files", "DIR": "_files -/"}[o.value]
			if action == "" {
				action = " " // shows the message
			}
			spec += ":" + zshText.Replace(o.value) + ":" + action
		}
		if o.repeatable {
			spec = "*" + spec
		} else {
			spec = "(" + strings.Join(o.names, " ") + ")" + spec
		}
		all = append(all, spec)
	}
	return all
}

func fish(program *page, commands []*page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion for %s\n", program.program)
	for _, p := range append([]*page{program}, commands...) {
		head := "complete -c " + program.program
		switch {
		case p != program:
			head += " -n '__fish_seen_subcommand_from " + p.command + "'"
		case len(commands) > 0:
			head += " -n 'not __fish_seen_subcommand_from " + strings.Join(names(commands), " ") + "'"
		}
		if !p.takesFiles() {
			b.WriteString(head + " -f\n")
		}
		if words := p.words(commands); words != nil && p != program {
			fmt.Fprintf(&b, "%s -a '%s'\n", head, strings.Join(words, " "))
		}
		if p == program {
			for _, c := range commands {
				fmt.Fprintf(&b, "%s -a %s -d %s\n", head, c.command, fishQuote(c.usage))
			}
		}
		for _, o := range p.options {
			b.WriteString(head)
			for _, name := range o.names {
				if long, ok := strings.CutPrefix(name, "--"); ok {
					b.WriteString(" -l " + long)
				} else {
					b.WriteString(" -s " + name[1:])
				}
			}
			switch o.value {
			case "":
			case "FILE":
				b.WriteString(" -r -F")
			case "DIR":
				b.WriteString(" -x -a '(__fish_complete_directories (commandline -ct))'")
			default:
				b.WriteString(" -x")
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuote(o.brief()))
		}
	}
	return b.String()
}

// fishQuote is text as a word of fish.
func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
