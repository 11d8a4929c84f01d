package segment

import "strings"

// kind says when a sentence continues behind an abbreviation.
type kind uint8

const (
	title    kind = iota + 1 // always
	numbered                 // before a number, also a Roman one
	dated                    // before an Arabic number
	ending                   // unless the next word often begins a sentence
)

// abbreviations are in lower case, without their last full stop.
var abbreviations = kinds(map[kind]string{
	title: `mr mrs ms mx dr drs prof profs rev hon gen col maj capt cmdr lt sgt cpl pvt gov sen rep pres supt insp adm
		messrs mme mmes mlle mlles st ste mt ft vs v viz approx e.g i.e cf eg ie incl esp resp
		hr fr frl dipl ing bzw z.b ca evtl ggf inkl exkl sog vgl zzgl zw bspw d.h i.d.r
		sr sra srta srs d dña ud uds p.ej exmo exma sig sigg dott avv arch dhr mevr mw bijv d.w.z o.a
		p.ex c.-à-d gosp św im np tzn tj např tzv t.ex bl.a örn bkz
		им акад проф ул просп см напр т.е св тов
		κ κα κκ δρ π.χ λ.χ βλ αρ`,
	numbered: `no nos nr num fig figs vol vols ch chap sec sect eq eqs art para cap pp p pg op ex tab abb bd kap abs ziff str strasse
		núm nº pág págs sch app ref refs ver стр рис табл гл п ст`,
	dated: `jan feb mar apr jun jul aug sep sept oct okt nov dec dez mon tue tues wed thu thur thurs fri sat sun`,
	ending: `inc ltd corp co cos llc llp plc bros jr sr esq phd etc al ave blvd rd sq dept univ est assn gmbh cie ag
		u.a usw etw o.ä u.ä s.a s.p.a ee.uu a.m p.m am pm r.t.l
		г гг в вв т.д т.п др руб млн млрд тыс проч
		ο.ε κ.λπ κ.ά`,
})

func kinds(lists map[kind]string) map[string]kind {
	all := map[string]kind{}
	for k, list := range lists {
		for _, word := range strings.Fields(list) {
			all[word] = k
		}
	}
	return all
}

// starters are words that often begin a sentence and rarely follow an abbreviation.
var starters = set(`
	a after all also although an and another any as at because before both but by did do does during each even every few
	finally first following for from further had has have he her here his how however i if in instead is it its later
	many meanwhile more moreover most my no none not now nor of on once one only or other our over patient patients
	she since so some such than that the their then there these they this those though through thus to today under
	until we were what when where whether which while who whose why with without yes yet you your
	aber alle als am an auch auf aus bei beim bis da danach dann das dem den der des die dies diese dieser dieses doch
	du ein eine einer eines er es für gegen hier ich ihm ihr im in ist jedoch man mit nach nicht noch nun nur ob oder
	ohne sein seine seit sie sind so über um und unter vom von vor wann war was weil wenn wer wie wir wo zu zum zur
	après au aussi avec c'est ce ces cet cette comme dans de des donc elle elles en est et il ils je l'on le les leur
	lors mais nous on ou par pendant pour puis quand que qui sa se selon ses si son sous sur tandis tous tout un une vous
	además al así cuando cómo del desde el ella ellas ellos entre era es esta este esto estos hasta las los más no
	pero por porque según ser sin sobre son su sus también tras un una unos y ya
	без был была были в во все вот всё для до его ее если есть её еще за здесь и из или их к как когда который лишь мы
	на не него но о об он она они оно от по под после при с со так также там только то у уже что это эта эти этот я
	αυτή αυτό αυτός για δεν ενώ η και με μετά ο οι όμως στη στην στις στο στον τα τη την της τις το τον του τους των
	`)

func set(list string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.Fields(list) {
		all[word] = true
	}
	return all
}

// ordinal are words before a number whose full stop makes it an ordinal, as in German, and
// months follows such a number.
var (
	ordinal = set(`am ab bis vom zum beim dem den der das des die im seit jeder jedes jede ihr ihre sein seine seinem seinen ihrem
		ihren den und il den dne ze od do`)
	months = set(`januar jänner februar märz april mai juni juli august september oktober november dezember
		jan feb mär apr jun jul aug sep sept okt nov dez january february march june july october december`)
)

// lettered are words before a letter that names something, so that its full stop ends the
// sentence: "vitamin D."
var lettered = set(`vitamin vitamins hepatitis group type grade class section appendix part option figure table plan level
	stage category chapter influenza factor schedule annex exhibit team block room gate unit terminal`)
