using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Repeats words, made-up words, sentences and codes. The key is the text, so that a held-out one was never copied.</summary>
internal static class CopyLessons
{
    private const string CodeCharacters = "abcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly string[] Phrasings =
    [
        "Repeat: {0}", "Repeat after me: {0}", "Copy this: {0}", "Say this: {0}", "Write exactly: {0}", "Echo: {0}", "Repeat this text: {0}",
        "Please repeat: {0}", "Copy: {0}", "Say exactly: {0}", "Repeat \"{0}\"", "Write this: {0}",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        var text = random.Below(5) switch
        {
            0 => string.Join(' ', random.Some(Words.Listed, random.Between(1, 5))),
            1 => Sentence(random),
            2 => string.Join(' ', Enumerable.Range(0, random.Between(1, 3)).Select(_ => MadeUp(random))),
            3 => Mixed(random),
            _ => Code(random),
        };
        return new LessonDraft($"copy|{text}", Phrasing.OpenExactly(random, Phrasing.Fill(random.Of(Phrasings), text)), text);
    }

    public static string MadeUp(LessonRandom random) =>
        string.Concat(Enumerable.Range(0, random.Between(2, 4)).Select(_ => random.Of(Words.Syllables)));

    public static string Code(LessonRandom random)
    {
        var groups = Enumerable.Range(0, random.Between(1, 3)).Select(_ => Group(random));
        var code = string.Join(random.Of(["-", "-", "_", "."]), groups);
        return random.Percent(25) ? code.ToUpperInvariant() : code;
    }

    private static string Sentence(LessonRandom random)
    {
        var people = random.Percent(40);
        var subject = people ? random.Of(Names.People) : $"The {random.Of(Words.Adjectives)} {random.Of(Words.Listed)}";
        return $"{subject} {random.Of(Words.Verbs)} the {random.Of(Words.Adjectives)} {random.Of(Words.Listed)}"
            + (random.Percent(50) ? " " + random.Of(Words.Places) : "") + random.Of([".", ".", "!"]);
    }

    /// <summary>Words, names and numbers in one text.</summary>
    private static string Mixed(LessonRandom random) => string.Join(random.Of([" ", ", "]), Enumerable.Range(0, random.Between(2, 5)).Select(
        _ => random.Below(4) switch
        {
            0 => random.Of(Names.People),
            1 => $"{random.Below(1000)}",
            2 => random.Of(Names.Cities),
            _ => random.Of(Words.Listed),
        }));

    private static string Group(LessonRandom random) =>
        string.Concat(Enumerable.Range(0, random.Between(2, 4)).Select(_ => CodeCharacters[random.Below(CodeCharacters.Length)]));
}
