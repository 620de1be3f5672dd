using System.Text;
using System.Text.Json;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Tests.Chat.Tools;

public sealed class ToolCallParserTests
{
    private const string Call = """{"name": "get_weather", "parameters": {"city": "Rome"}}""";

    [Theory]
    [InlineData("Hello [1], {\"a\": 1} ```js\ncode\n```  bye \n", "Hello [1], {\"a\": 1} ```js\ncode\n```  bye \n", "")]
    [InlineData("{\"name\": \"Bob\", \"age\": 3}", "{\"name\": \"Bob\", \"age\": 3}", "")]
    [InlineData("{\"name\": \"get_weather_now\"}", "{\"name\": \"get_weather_now\"}", "")]
    [InlineData(Call, "", "get_weather({\"city\": \"Rome\"})")]
    [InlineData("Let me see.\n\n" + Call, "Let me see.", "get_weather({\"city\": \"Rome\"})")]
    [InlineData("Sure: " + Call + "\n", "Sure:", "get_weather({\"city\": \"Rome\"})")]
    [InlineData("```json\n" + Call + "\n```", "", "get_weather({\"city\": \"Rome\"})")]
    [InlineData("Ok\n```tool_code\n[" + Call + "]\n```", "Ok", "get_weather({\"city\": \"Rome\"})")]
    [InlineData("[" + Call + ", " + Call + "]", "", "get_weather({\"city\": \"Rome\"})get_weather({\"city\": \"Rome\"})")]
    [InlineData(Call + "\n" + Call, "", "get_weather({\"city\": \"Rome\"})get_weather({\"city\": \"Rome\"})")]
    [InlineData("{\"name\":\"get_weather\",\"parameters\":{\"city\":\"a\\\"}{\\\\\", \"x\": [{}]}}", "", "get_weather({\"city\":\"a\\\"}{\\\\\", \"x\": [{}]})")]
    [InlineData("{\n  \"name\": \"get_time\",\n  \"parameters\": {}\n}", "", "get_time({})")]
    public void Append_JsonForm_SplitsTextFromCallsHoweverItComes(string answer, string content, string calls) =>
        AssertSplits(ToolCallForm.Json, answer, content, calls);

    [Theory]
    [InlineData("[1](x) and get_weather(1)", "[1](x) and get_weather(1)", "")]
    [InlineData("[get_time()]", "", "get_time({})")]
    [InlineData("[get_weather(city=\"a)]\\\"(=,True\", n=-1e5, t=True, f=False, x=None)]", "",
        "get_weather({\"city\": \"a)]\\\"(=,True\", \"n\": -1e5, \"t\": true, \"f\": false, \"x\": null})")]
    [InlineData("[get_weather(a=[True, {\"k\": None, \"l\": [\"]\", 2]}], b = 1), get_time()]", "",
        "get_weather({\"a\": [true, {\"k\": null, \"l\": [\"]\", 2]}], \"b\": 1})get_time({})")]
    [InlineData("Well.\n```tool_code\n[get_time()]\n```", "Well.", "get_time({})")]
    public void Append_PythonicForm_SplitsTextFromCallsHoweverItComes(string answer, string content, string calls) =>
        AssertSplits(ToolCallForm.Pythonic, answer, content, calls);

    [Theory]
    [InlineData("Hi {\"name\": \"get_we", false, "Hi {\"name\": \"get_we", "", false)]
    [InlineData("{\"name\": \"get_we", true, "", "", false)]
    [InlineData("{\"name\": \"get_weather\", \"par", false, "", "get_weather()", false)]
    [InlineData("{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Ro", false, "", "get_weather({\"city\": \"Ro)", false)]
    [InlineData("{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Ro\"}", false, "", "get_weather({\"city\": \"Ro\"})", true)]
    public void End_CutOff_ShowsWhatIsCertain(string answer, bool required, string content, string calls, bool hasCalled)
    {
        var parser = Parser(ToolCallForm.Json, required);
        Assert.Equal((content, calls), Read(parser, [answer]));
        Assert.Equal(hasCalled, parser.HasCalled);
    }

    [Fact]
    public void Append_TextThatCannotBeACall_IsShownAtOnce()
    {
        var parser = Parser(ToolCallForm.Json);
        Assert.Equal("Hello", Assert.IsType<AnswerPart.Content>(Assert.Single(parser.Append("Hello "))).Text);
        Assert.Equal(" {\"name\": \"x", Assert.IsType<AnswerPart.Content>(Assert.Single(parser.Append("{\"name\": \"x"))).Text);
        Assert.Empty(parser.Append("{\"name\""));
        Assert.Equal("{\"name\" is", Assert.IsType<AnswerPart.Content>(Assert.Single(parser.Append(" is"))).Text);
        var blanks = string.Concat(Enumerable.Repeat(parser.Append("\n"), 200).SelectMany(parts => parts));
        Assert.Empty(blanks);
        Assert.InRange(Enumerable.Range(0, 200).Sum(_ => parser.Append("\n").OfType<AnswerPart.Content>().Sum(part => part.Text.Length)), 130, 200);
    }

    /// <summary>What the grammar allows, by arguments of random shape.</summary>
    [Fact]
    public void Append_RandomArguments_AreGivenAsTheyAre()
    {
        var random = new Random(5);
        for (var round = 0; round < 300; round++)
        {
            var arguments = "{" + string.Join(", ", Enumerable.Range(0, random.Next(4)).Select(i => $"\"k{i}\": {Value(random, 3)}")) + "}";
            var calls = ToolFormat.Calls(ToolCallForm.Json, [("get_weather", arguments), ("get_time", "{}")]);
            Assert.Equal(("", $"get_weather({arguments})get_time({{}})"), Read(Parser(ToolCallForm.Json), Pieces(random, calls)));

            var pythonic = ToolFormat.Calls(ToolCallForm.Pythonic, [("get_weather", arguments), ("get_time", "{}")]);
            Assert.Equal(("", $"get_weather({arguments})get_time({{}})"), Read(Parser(ToolCallForm.Pythonic), Pieces(random, pythonic)));
        }
    }

    private static string Value(Random random, int depth) => random.Next(depth > 0 ? 7 : 5) switch
    {
        0 => "true",
        1 => "null",
        2 => $"{random.Next(-99, 99)}.5e3",
        3 => "false",
        4 => JsonSerializer.Serialize(string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => "\"\\{}[](),=TFNa é"[random.Next(16)])), Relaxed),
        5 => $"[{string.Join(", ", Enumerable.Range(0, random.Next(3)).Select(_ => Value(random, depth - 1)))}]",
        _ => $"{{{string.Join(", ", Enumerable.Range(0, random.Next(3)).Select(i => $"\"m{i}\": {Value(random, depth - 1)}"))}}}",
    };

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static void AssertSplits(ToolCallForm form, string answer, string content, string calls)
    {
        Assert.Equal((content, calls), Read(Parser(form), [answer]));
        Assert.Equal((content, calls), Read(Parser(form), answer.Select(c => $"{c}")));
        var random = new Random(3);
        for (var i = 0; i < 30; i++) Assert.Equal((content, calls), Read(Parser(form), Pieces(random, answer)));
    }

    private static IEnumerable<string> Pieces(Random random, string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var length = Math.Min(random.Next(1, 9), text.Length - at);
            yield return text.Substring(at, length);
            at += length;
        }
    }

    private static (string Content, string Calls) Read(ToolCallParser parser, IEnumerable<string> pieces)
    {
        var (content, calls) = (new StringBuilder(), new StringBuilder());
        foreach (var piece in pieces) Add(parser.Append(piece));
        Add(parser.End());
        if (calls.Length > 0 && calls[^1] != ')') calls.Append(')');
        return (content.ToString(), calls.ToString());

        void Add(IEnumerable<AnswerPart> parts)
        {
            foreach (var part in parts)
            {
                switch (part)
                {
                    case AnswerPart.Content text:
                        content.Append(text.Text);
                        break;
                    case AnswerPart.CallBegin call:
                        Assert.StartsWith("call_", call.Id, StringComparison.Ordinal);
                        calls.Append(call.Name).Append('(');
                        break;
                    case AnswerPart.Arguments arguments:
                        calls.Append(arguments.Json);
                        break;
                    case AnswerPart.CallEnd:
                        calls.Append(')');
                        break;
                }
            }
        }
    }

    private static ToolCallParser Parser(ToolCallForm form, bool required = false)
    {
        ToolDeclaration[] tools = [new("tools[0]", "{}", new("get_weather", "{}")), new("tools[1]", "{}", new("get_time", ""))];
        return new ToolUse { Form = form, Declared = tools, Callable = tools, Required = required }.CreateParser();
    }
}
