using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Gemma3Pocket.Curriculum.Tests;

/// <summary>Answers are checked against what the prompt says, computed another way.</summary>
public sealed partial class AnswerTests
{
    private const int Count = 3000;

    public static TheoryData<LessonSplit> Splits => [.. Enum.GetValues<LessonSplit>()];

    [Theory]
    [MemberData(nameof(Splits))]
    public void Addition_Answer_IsTheSumOfThePromptsNumbers(LessonSplit split) => Assert.All(Sample.Of(Skill.Addition, split, Count), lesson =>
    {
        var numbers = NumbersOf(lesson.Prompt());
        Assert.Equal($"{numbers[0]} + {numbers[1]} = {numbers[0] + numbers[1]}", lesson.Answer);
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void Arithmetic_Answer_IsTheDifferenceOrTheProduct(LessonSplit split) => Assert.All(Sample.Of(Skill.Arithmetic, split, Count), lesson =>
    {
        var numbers = NumbersOf(lesson.Prompt());
        var (most, least) = (Math.Max(numbers[0], numbers[1]), Math.Min(numbers[0], numbers[1]));
        Assert.Contains(lesson.Answer, new[] { $"{most} - {least} = {most - least}", $"{numbers[0]} x {numbers[1]} = {numbers[0] * numbers[1]}" });
        Assert.InRange(NumbersOf(lesson.Answer)[2], 0, 100);
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void Counting_Answer_GoesFromTheFirstToTheLastInEqualSteps(LessonSplit split) => Assert.All(Sample.Of(Skill.Counting, split, Count), lesson =>
    {
        var asked = NumbersOf(lesson.Prompt());
        var counted = lesson.Answer.Split(", ").Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        Assert.InRange(counted.Length, 3, 15);
        Assert.Contains(counted[0], asked);
        Assert.Contains(counted[^1], asked);
        var steps = counted.Zip(counted.Skip(1), (a, b) => b - a).Distinct().ToArray();
        var step = Assert.Single(steps);
        Assert.Contains(Math.Abs(step), asked.Append(1));
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void Copy_Answer_StandsInThePrompt(LessonSplit split) =>
        Assert.All(Sample.Of(Skill.Copy, split, Count), lesson => Assert.Contains(lesson.Answer, lesson.Prompt(), StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Splits))]
    public void Lists_Answer_HasThePromptsItems(LessonSplit split) => Assert.All(Sample.Of(Skill.Lists, split, Count), lesson =>
    {
        var prompt = lesson.Prompt();
        var items = prompt[(prompt.LastIndexOf(": ", StringComparison.Ordinal) + 2)..].Split(", ");
        var answer = lesson.Answer.Split(", ");
        Assert.Equal(items.Order(StringComparer.OrdinalIgnoreCase), answer.Order(StringComparer.OrdinalIgnoreCase), StringComparer.OrdinalIgnoreCase);
        var isNumbers = int.TryParse(items[0], out _);
        var expected = prompt switch
        {
            _ when Asks(prompt, "upper", "capital") => items.Select(item => item.ToUpperInvariant()),
            _ when Asks(prompt, "Reverse", "backwards") => items.Reverse(),
            _ when Asks(prompt, "largest first", "large to small", "falling") => items.OrderByDescending(int.Parse),
            _ when isNumbers => items.OrderBy(int.Parse),
            _ => items.Order(StringComparer.Ordinal),
        };
        Assert.Equal(expected, answer);
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void Json_Answer_ParsesAndHoldsValuesOfTheText(LessonSplit split) => Assert.All(Sample.Of(Skill.Json, split, Count), lesson =>
    {
        using var json = JsonDocument.Parse(lesson.Answer);
        Assert.Equal(JsonSerializer.Serialize(json.RootElement), lesson.Answer);
        var prompt = lesson.Prompt();
        var keys = json.RootElement.EnumerateObject().ToArray();
        // The keys stand together after "keys", "with", "Extract" or in the schema.
        var request = KeyList().Match(prompt);
        var listed = request.Success
            ? request.Groups[1].Value.Split(", ")
            : SchemaKey().Matches(prompt).Select(match => match.Groups[1].Value).ToArray();
        Assert.Equal(listed, keys.Select(key => key.Name));
        Assert.All(keys, key => Assert.Contains(key.Value.ToString(), prompt, StringComparison.Ordinal));
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void ToolCall_Answer_CallsADeclaredToolWithItsParameters(LessonSplit split)
    {
        var refused = 0;
        Assert.All(Sample.Of(Skill.ToolCall, split, Count), lesson =>
        {
            var (declarations, question) = Declared(lesson.Turns.First(turn => turn.Role == "user").Text);
            Assert.InRange(declarations.GetArrayLength(), 1, 3);
            if (lesson.Answer == "None of my tools can do that.")
                refused++;
            else
                AssertCall(lesson.Answer, declarations, question);
        });
        Assert.InRange(refused, Count * 0.06, Count * 0.14);
    }

    [Theory]
    [MemberData(nameof(Splits))]
    public void ToolResult_Answer_HasEveryValueOfTheResult(LessonSplit split) => Assert.All(Sample.Of(Skill.ToolResult, split, Count), lesson =>
    {
        var turns = lesson.Turns.SkipWhile(turn => turn.Role == "system").ToArray();
        var (declarations, question) = Declared(turns[0].Text);
        AssertCall(turns[1].Text, declarations, question);
        var result = turns[2].Text;
        Assert.StartsWith("```tool_output\n", result, StringComparison.Ordinal);
        Assert.EndsWith("\n```", result, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(result["```tool_output\n".Length..^"\n```".Length]);
        Assert.All(json.RootElement.EnumerateObject(), value => Assert.Contains(value.Value.ToString(), lesson.Answer, StringComparison.Ordinal));
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void Memory_Answer_HoldsWhatWasToldFirst(LessonSplit split) => Assert.All(Sample.Of(Skill.Memory, split, Count), lesson =>
    {
        var told = lesson.Turns.First(turn => turn.Role == "user").Text;
        var value = lesson.Answer.TrimEnd('.').Split(' ')[^1];
        Assert.Contains(value, told, StringComparison.Ordinal);
    });

    [Theory]
    [MemberData(nameof(Splits))]
    public void Story_Answer_IsThreeSentencesAboutTheHero(LessonSplit split) => Assert.All(Sample.Of(Skill.Story, split, Count), lesson =>
    {
        Assert.Equal(3, lesson.Answer.Count(c => c == '.'));
        Assert.DoesNotContain('{', lesson.Answer);
        Assert.Contains(lesson.Answer.Split(' '), word => word.Length > 2 && char.IsUpper(word[0]) && lesson.Prompt().Contains(word, StringComparison.Ordinal));
    });

    [Theory]
    [MemberData(nameof(Sample.Skills), MemberType = typeof(Sample))]
    public void Texts_OfEverySkill_HaveNoOpenPlaceholder(Skill skill) =>
        Assert.All(Sample.Of(skill, LessonSplit.Train, Count), lesson => Assert.DoesNotMatch(Placeholder(), lesson.Conversation() + lesson.Answer));

    private static bool Asks(string prompt, params string[] words) => words.Any(word => prompt.Contains(word, StringComparison.OrdinalIgnoreCase));

    private static int[] NumbersOf(string text) => [.. Number().Matches(text).Select(match => int.Parse(match.Value, CultureInfo.InvariantCulture))];

    private static (JsonElement Declarations, string Question) Declared(string firstTurn)
    {
        var start = firstTurn.IndexOf("\n[", StringComparison.Ordinal) + 1;
        var end = firstTurn.IndexOf("\n\n", start, StringComparison.Ordinal);
        return (JsonDocument.Parse(firstTurn[start..end]).RootElement, firstTurn[(end + 2)..]);
    }

    private static void AssertCall(string answer, JsonElement declarations, string question)
    {
        using var call = JsonDocument.Parse(answer);
        var name = call.RootElement.GetProperty("name").GetString();
        var declared = Assert.Single(declarations.EnumerateArray(), tool => tool.GetProperty("name").GetString() == name).GetProperty("parameters");
        var arguments = call.RootElement.GetProperty("parameters").EnumerateObject().ToArray();
        Assert.Equal(declared.GetProperty("required").EnumerateArray().Select(required => required.GetString()), arguments.Select(argument => argument.Name));
        Assert.All(arguments, argument =>
        {
            var type = declared.GetProperty("properties").GetProperty(argument.Name).GetProperty("type").GetString();
            Assert.Equal(type == "integer" ? JsonValueKind.Number : JsonValueKind.String, argument.Value.ValueKind);
            Assert.Contains(argument.Value.ToString(), question, StringComparison.Ordinal);
        });
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"(?:JSON keys: |with the keys |\nKeys: |^Extract |^Write JSON with )((?:[a-z]+, )*[a-z]+)(?=$|\.| as JSON)")]
    private static partial Regex KeyList();

    [GeneratedRegex("\"([a-z]+)\":\\{\"type\":\"(?:string|integer)\"\\}")]
    private static partial Regex SchemaKey();
}
