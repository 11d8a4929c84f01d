package service

import "testing"

func TestAKeyFileHoldsTheKeyOrAssignsIt(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"sk-proj-1234\n", "sk-proj-1234"},
		{"  sk-1234\r\n", "sk-1234"},
		{"Zm9vYmFy==\n", "Zm9vYmFy=="},
		{"ZM9V==", "ZM9V=="},
		{"OPENAI_API_KEY=sk-1234\n", "sk-1234"},
		{"OPENAI_API_KEY=sk-1234\r\n", "sk-1234"},
		{"export OPENAI_API_KEY=sk-1234\n", "sk-1234"},
		{"OPENAI_API_KEY=\"sk-1234\"\n", "sk-1234"},
		{"\texport  OPENAI_API_KEY='sk-1234' # the team's\n", "sk-1234"},
		{"# for cron\nOPENAI_BASE_URL=https://example.org/v1\nOPENAI_API_KEY=sk-1234\nHOME=/root\n", "sk-1234"},
		{"# for cron\nMY_KEY=sk-1234\n", "sk-1234"},
		{"A_KEY=sk-1\nB_KEY=sk-2\n", ""},
		{"OPENAI_API_KEY=\n", ""},
		{"", ""},
		{" \n", ""},
	} {
		if got := parseKey(c.text); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}
