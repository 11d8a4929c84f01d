package markup_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"nertools/pkg/markup"
)

// notes writes notes of our own with their entities in braces: next to punctuation, in
// compounds, and several between two spaces.
func notes(r *rand.Rand, n int) (list []string) {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	drug := func() string {
		return "{" + pick("sertraline", "Lipitor", "metformin", "Warfarin", "β-carotene", "Süßholz", "vitamin D3", "5-FU", "aspirin", "St. John's wort") + "}"
	}
	dose := func() string { return "{" + pick("50 mg", "10 IU", "2.5 ml", "1,000 units", "½ tablet") + "}" }
	ill := func() string {
		return "{" + pick("severe headache", "rash", "anaemia", "chest pain", "Crohn's disease") + "}"
	}
	for range n {
		switch r.IntN(8) {
		case 0:
			list = append(list, "She took "+drug()+", "+dose()+" ("+dose()+"); no "+ill()+".")
		case 1:
			list = append(list, "Switched to "+drug()+"/"+drug()+"–"+drug()+" because of “"+ill()+"”,\nas agreed.")
		case 2:
			list = append(list, drug()+"-induced "+ill()+"?  Stop "+drug()+"!")
		case 3:
			list = append(list, "Anti-"+drug()+" antibodies; pseudo"+drug()+"s ("+dose()+"/day): “none”.")
		case 4:
			list = append(list, "Dr. O'Neill: “"+drug()+"’s effect on "+ill()+", e.g. after "+dose()+", is unclear …”")
		case 5:
			list = append(list, "["+drug()+"] + ["+drug()+"] = "+ill()+"/"+ill()+".")
		case 6:
			list = append(list, "Erhielt {"+pick("Aspirin", "Jod")+"}präparate und {"+pick("Penicillin", "Kortison")+"}-Tropfen («"+dose()+"»).")
		default:
			list = append(list, "他服用了{"+pick("阿司匹林", "二甲双胍")+"}和{"+pick("布洛芬", "青霉素")+"}（"+dose()+"），没有{"+pick("头痛", "皮疹")+"}。")
		}
	}
	return list
}

// textDamages damage an answer to a text row, as models do.
var textDamages = []func(r *rand.Rand, answer string) string{
	func(_ *rand.Rand, a string) string { return "Here is the sentence:\n" + a },
	func(_ *rand.Rand, a string) string { return strings.TrimRight(a, ".!?。…”") },
	func(_ *rand.Rand, a string) string { return strings.ToLower(a) },
	func(_ *rand.Rand, a string) string {
		return strings.NewReplacer("“", `"`, "”", `"`, "’", "'", "–", "-", "…", "...").Replace(a)
	},
	func(_ *rand.Rand, a string) string {
		return strings.NewReplacer(",", " ,", ".", " .", ";", " ;", "(", "( ", ")", " )", "/", " / ").Replace(a)
	},
	func(r *rand.Rand, a string) string { // a word is gone
		words := strings.Split(a, " ")
		i := r.IntN(len(words))
		return strings.Join(append(words[:i:i], words[i+1:]...), " ")
	},
	func(r *rand.Rand, a string) string { // a mark is gone
		if i := strings.LastIndex(a, markup.Close); i >= 0 {
			return a[:i] + a[i+len(markup.Close):]
		}
		return a
	},
	func(_ *rand.Rand, a string) string { return strings.Replace(a, "@@", "@@ ", 1) },
	func(_ *rand.Rand, a string) string { return a + " @@ibuprofen##" },
	func(_ *rand.Rand, a string) string { // a list instead
		var list []string
		for part := range strings.SplitSeq(a, markup.Open) {
			if entity, _, ok := strings.Cut(part, markup.Close); ok {
				list = append(list, `"`+entity+`"`)
			}
		}
		return `{"entities":[` + strings.Join(list, ",") + "]}"
	},
}

// outcome counts what became of the entities of answers.
type outcome struct{ entities, exact, repaired, wrong, dropped int }

// align aligns the notes, of whose answers a share is damaged.
func alignNotes(t *testing.T, list []string, share float64) (n outcome) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	for _, marked := range list {
		var want []markup.Span
		var text strings.Builder
		chars := 0
		for _, c := range marked {
			switch c {
			case '{':
				want = append(want, markup.Span{Start: chars})
			case '}':
				want[len(want)-1].End = chars
			default:
				text.WriteRune(c)
				chars++
			}
		}
		answer := strings.NewReplacer("{", markup.Open, "}", markup.Close).Replace(marked)
		if r.Float64() < share {
			answer = textDamages[r.IntN(len(textDamages))](r, answer)
		}
		var s subject
		s.ResetUnit(text.String(), markup.Char)
		found := map[markup.Span]markup.How{}
		for _, f := range s.Align(&s.Original, answer, markup.Question{}).Found {
			found[f.Span] = f.How
		}
		n.entities += len(want)
		for _, sp := range want {
			switch how, ok := found[sp]; {
			case !ok:
				n.dropped++
			case how == markup.Exact:
				n.exact++
			default:
				n.repaired++
			}
			delete(found, sp)
		}
		n.wrong += len(found)
	}
	return n
}

func TestPerfectAnswersToNotesAreExactAndDamagedOnesAreMostlySaved(t *testing.T) {
	list := notes(rand.New(rand.NewPCG(1, 2)), 200)
	perfect := alignNotes(t, list, 0)
	if perfect.entities < 500 || perfect.exact != perfect.entities || perfect.wrong != 0 {
		t.Errorf("perfect answers: %+v", perfect)
	}
	damaged := alignNotes(t, list, 0.35)
	t.Logf("35 %% of the answers damaged: %+v", damaged)
	if want := (outcome{entities: 700, exact: 663, repaired: 19, dropped: 18}); damaged != want {
		t.Errorf("damaged answers: %+v, want %+v", damaged, want)
	}
}
