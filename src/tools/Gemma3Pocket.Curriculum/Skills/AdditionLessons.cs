namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Sums of two numbers to 99. The key is the unordered pair: a held-out sum is new in either order and in every phrasing.</summary>
internal static class AdditionLessons
{
    private static readonly string[] Phrasings =
    [
        "What is {0} + {1}?", "{0} + {1} =", "Add {0} and {1}.", "What is {0} plus {1}?", "{0} plus {1}", "Calculate {0} + {1}.", "{0} + {1}",
        "How much is {0} + {1}?", "What is the sum of {0} and {1}?", "How much is {0} plus {1}?", "{0}+{1}", "Compute {0} + {1}.",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        var (a, b) = (random.Below(100), random.Below(100));
        var prompt = Phrasing.Fill(random.Of(Phrasings), $"{a}", $"{b}");
        return new LessonDraft($"add|{Math.Min(a, b)}|{Math.Max(a, b)}", Phrasing.Open(random, prompt), $"{a} + {b} = {a + b}");
    }
}
