namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>Word-like pieces without a meaning, which fill a vocabulary up to its published size.</summary>
internal static class SyllablePieces
{
    private static readonly string[] Onsets =
    [
        "b", "bl", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "pr", "qu",
        "r", "s", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "str", "sw", "t", "th", "tr", "v", "w", "wh", "y", "z", "",
    ];

    private static readonly string[] Nuclei = ["a", "e", "i", "o", "u", "ai", "ea", "ee", "ie", "io", "oa", "oo", "ou"];

    private static readonly string[] Codas =
        ["", "n", "r", "t", "s", "l", "d", "m", "p", "c", "g", "ck", "ll", "nd", "ng", "nt", "rd", "rm", "rn", "rt", "ss", "st", "x", "v"];

    public static void Fill(PieceLearner learner)
    {
        // 1. Every syllable, within a word and at its start.
        var syllables = new List<string>();
        foreach (var coda in Codas)
        {
            foreach (var onset in Onsets)
            {
                foreach (var nucleus in Nuclei)
                    syllables.Add(onset + nucleus + coda);
            }
        }
        foreach (var syllable in syllables)
        {
            learner.Learn(syllable);
            learner.Learn(CharacterPieces.Space + syllable);
            if (learner.IsFull)
                return;
        }

        // 2. Words of two syllables, drawn from a fixed sequence, at the start of a word, capitalised or not, and within one.
        for (ulong counter = 0; !learner.IsFull; counter++)
        {
            var random = SplitMix64.At(0, counter);
            var word = syllables[(int)((uint)random % (uint)syllables.Count)] + syllables[(int)((uint)(random >> 32) % (uint)syllables.Count)];
            switch ((random >> 29) & 7)
            {
                case 0:
                    learner.Learn(word);
                    break;
                case 1:
                    learner.Learn($"{CharacterPieces.Space}{char.ToUpperInvariant(word[0])}{word.AsSpan(1)}");
                    break;
                default:
                    learner.Learn(CharacterPieces.Space + word);
                    break;
            }
        }
    }
}
