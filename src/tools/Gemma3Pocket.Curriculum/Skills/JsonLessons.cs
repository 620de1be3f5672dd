using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Extracts the asked fields of a text into compact JSON, in the order asked. The key is the text with the fields.</summary>
internal static class JsonLessons
{
    private static readonly string[] KeyRequests =
    [
        "{0}\nJSON keys: {1}", "{0}\nWrite JSON with the keys {1}.", "Text: {0}\nKeys: {1}", "Extract {1} as JSON: {0}", "Write JSON with {1}. Text: {0}",
    ];

    private static readonly string[] SchemaRequests = ["{0}\nJSON schema: {1}", "{0}\nSchema: {1}", "Fill this schema: {1}\n{0}"];

    /// <summary>Texts with the fields that they hold, in the order of their places.</summary>
    private static readonly (string Text, string Fields)[] Texts =
    [
        ("{0} is {1} years old and lives in {2}.", "name age city"),
        ("{0}, {1}, lives in {2}.", "name age city"),
        ("My friend {0} is {1} and comes from {2}.", "name age city"),
        ("{2} is the home of {0}, who is {1} years old.", "name age city"),
        ("The {0} {1} costs {2} euros.", "colour item price"),
        ("{0} buys a {1} {2} for {3} dollars.", "name colour item price"),
        ("{0} has a {1} {2}.", "name colour item"),
        ("A {1} {0} for {2} euros is sold in {3}.", "item colour price city"),
        ("{0} has a {1} called {2}.", "name animal pet"),
        ("{2} is a {1} of {0} and is {3} years old.", "name animal pet age"),
        ("{0} travels to {1} on {2}.", "name city date"),
        ("{0} travels from {1} to {2}.", "name start city"),
        ("On {2} {0} meets {1} in {3}.", "name guest date city"),
        ("{0} ordered {1} of item {2} on {3}.", "name count code date"),
        ("The code of {0} is {1}.", "name code"),
    ];

    private static readonly string[] Numeric = ["age", "price", "count"];

    public static LessonDraft Draw(LessonRandom random)
    {
        var (template, names) = random.Of(Texts);
        var fields = names.Split(' ');
        var values = new string[fields.Length];
        for (var i = 0; i < values.Length; i++)
            do
                values[i] = Value(random, fields[i]);
            while (values.AsSpan(0, i).Contains(values[i]));
        var text = Phrasing.Fill(template, values);
        var asked = random.Some([.. fields.Index()], random.Between(Math.Min(2, fields.Length), fields.Length));
        if (random.Percent(50))
            asked = [.. asked.OrderBy(field => field.Index)];
        var schema = random.Percent(25);
        var request = schema
            ? $"{{\"type\":\"object\",\"properties\":{{{string.Join(',', asked.Select(f => $"\"{f.Item}\":{{\"type\":\"{TypeOf(f.Item)}\"}}"))}}}}}"
            : string.Join(", ", asked.Select(field => field.Item));
        var answer = string.Join(',', asked.Select(f => $"\"{f.Item}\":{Literal(f.Item, values[f.Index])}"));
        return new LessonDraft(
            $"json|{text}|{string.Join('|', asked.Select(field => field.Item))}",
            Phrasing.Fill(random.Of(schema ? SchemaRequests : KeyRequests), text, request),
            $"{{{answer}}}");
    }

    private static string TypeOf(string field) => Numeric.Contains(field) ? "integer" : "string";

    private static string Literal(string field, string value) => Numeric.Contains(field) ? value : $"\"{value}\"";

    private static string Value(LessonRandom random, string field) => field switch
    {
        "name" or "guest" => random.Percent(85) ? random.Of(Names.People) : Phrasing.Capital(CopyLessons.MadeUp(random)),
        "city" or "start" => random.Percent(85) ? random.Of(Names.Cities) : Phrasing.Capital(CopyLessons.MadeUp(random)),
        "pet" => random.Of(Names.Pets),
        "animal" => random.Of(Names.Animals),
        "colour" => random.Of(Names.Colours),
        "item" => random.Of(Words.Listed),
        "age" => $"{random.Between(1, 99)}",
        "price" => $"{random.Between(1, 999)}",
        "count" => $"{random.Between(2, 50)}",
        "code" => CopyLessons.Code(random),
        "date" => $"2026-{random.Between(1, 12):00}-{random.Between(1, 28):00}",
        _ => throw new ArgumentOutOfRangeException(nameof(field), field, "There are no values of this field."),
    };
}
