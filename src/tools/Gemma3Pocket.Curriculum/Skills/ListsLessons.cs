using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Reverses, upper-cases and sorts lists of two to five items. The key is the operation with the set, in whatever order it is given.</summary>
internal static class ListsLessons
{
    private static readonly string[] Reversals =
    [
        "Reverse this list: {0}", "Reverse: {0}", "Reverse the order: {0}", "Write backwards, item by item: {0}", "Reverse the list: {0}",
    ];

    private static readonly string[] UpperCases =
    [
        "Write in upper case: {0}", "Upper case: {0}", "Make this upper case: {0}", "Write in capital letters: {0}", "Put this in capitals: {0}",
    ];

    private static readonly string[] WordSorts =
    [
        "Sort alphabetically: {0}", "Sort these words: {0}", "Sort this list by alphabet: {0}", "Put in alphabetical order: {0}", "Sort from a to z: {0}",
    ];

    private static readonly string[] NumberSorts =
    [
        "Sort these numbers: {0}", "Sort from small to large: {0}", "Sort the numbers: {0}", "Put the numbers in order: {0}", "Sort by size: {0}",
    ];

    private static readonly string[] FallingSorts =
    [
        "Sort from large to small: {0}", "Sort these numbers, largest first: {0}", "Sort in falling order: {0}",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        var count = random.Between(2, 5);
        var words = random.Some(Words.Listed, count);
        return random.Below(8) switch
        {
            0 or 1 => Make(random, "reverse", Reversals, random.Percent(75) ? words : Numbers(random, count), items => items.Reverse()),
            2 or 3 => Make(random, "upper", UpperCases, words, items => items.Select(item => item.ToUpperInvariant())),
            4 or 5 => Make(random, "words", WordSorts, words, items => items.Order(StringComparer.Ordinal)),
            6 => Make(random, "numbers", NumberSorts, Numbers(random, count), items => items.OrderBy(int.Parse)),
            _ => Make(random, "falling", FallingSorts, Numbers(random, count), items => items.OrderByDescending(int.Parse)),
        };
    }

    private static string[] Numbers(LessonRandom random, int count) => [.. random.Some([.. Enumerable.Range(0, 100)], count).Select(n => $"{n}")];

    private static LessonDraft Make(
        LessonRandom random, string operation, string[] phrasings, string[] items, Func<IEnumerable<string>, IEnumerable<string>> answer)
    {
        var key = $"{operation}|{string.Join('|', items.Order(StringComparer.Ordinal))}";
        var prompt = Phrasing.Fill(random.Of(phrasings), string.Join(", ", items));
        return new LessonDraft(key, Phrasing.OpenExactly(random, prompt), string.Join(", ", answer(items)));
    }
}
