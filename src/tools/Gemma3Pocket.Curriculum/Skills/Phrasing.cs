namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>What people put around a question without changing its answer.</summary>
internal static class Phrasing
{
    private const int OpeningPercent = 30;
    private const int CarelessPercent = 8;

    private static readonly string[] Openings =
    [
        "Hi!", "Hello!", "Hey!", "Please help me.", "Good morning!", "I have a question.", "One question:", "Tell me:", "Quick question:",
        "Can you tell me?", "Now this:", "Next question:", "Please answer:", "OK.",
    ];

    /// <summary>A sentence before the question, now and then; sometimes it is typed carelessly.</summary>
    public static string Open(LessonRandom random, string question)
    {
        if (random.Percent(OpeningPercent))
            return random.Of(Openings) + " " + question;
        return random.Percent(CarelessPercent) ? Careless(random, question) : question;
    }

    /// <summary>The same, for words that are copied and so must keep their letters.</summary>
    public static string OpenExactly(LessonRandom random, string question) =>
        random.Percent(OpeningPercent) ? random.Of(Openings) + " " + question : question;

    /// <summary>Puts values into a template's <c>{0}</c>, <c>{1}</c> and so on.</summary>
    public static string Fill(string template, params ReadOnlySpan<string> values)
    {
        for (var i = 0; i < values.Length; i++)
            template = template.Replace($"{{{i}}}", values[i], StringComparison.Ordinal);
        return template;
    }

    /// <summary>The first letter as in a headline.</summary>
    public static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Careless(LessonRandom random, string question) => random.Below(3) switch
    {
        0 => question.TrimEnd('?', '.'),
        1 => char.ToLowerInvariant(question[0]) + question[1..],
        _ => char.ToLowerInvariant(question[0]) + question[1..].TrimEnd('?', '.'),
    };
}
