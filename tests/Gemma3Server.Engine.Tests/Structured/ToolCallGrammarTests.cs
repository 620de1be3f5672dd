using System.Text.Json;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Tools;
using Json.Schema;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>Calls are constrained from their beginning on, and nothing before it is.</summary>
public sealed class ToolCallGrammarTests
{
    private const string Rome = """{"name": "get_weather", "parameters": {"city": "Rome"}}""";
    private const string Time = """{"name": "get_time", "parameters": {}}""";

    private static readonly CallableTool[] Tools =
    [
        new("get_weather", """{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}"""),
        new("get_weather_now", ""),
        new("get_time", ""),
    ];

    [Theory]
    [InlineData("")]
    [InlineData("It is {warm}, {\"name\": \"Bob\"} and [1] \u0001 é日🎉")]
    [InlineData("{\"name\": \"get_weather_then\", \"x\"")]
    [InlineData("{\"name\": \"get_\"{\"name\": \"\"")]
    [InlineData(Rome)]
    [InlineData("Well. " + Rome)]
    [InlineData("```json\n" + Rome + "\n```")]
    [InlineData("{{\"name\":\n \"get_time\", \"parameters\": {}}")]
    [InlineData(Rome + "\n" + Time)]
    [InlineData("[" + Rome + ", " + Time + "]")]
    [InlineData("[" + Rome + ",\n" + Time + "\n]\n```")]
    public void Auto_TextsAndCalls_AreTaken(string text) => Assert.True(Json().Takes(text));

    [Theory]
    [InlineData("{\"name\": \"get_weather\"}")]
    [InlineData("Hm {{\"name\" : \"get_weather\", \"arguments\"")]
    [InlineData("{\"name\": \"{\"name\": \"get_time\", \"parameters\": {\"")]
    [InlineData("""{"name": "get_weather", "parameters": {"town""")]
    [InlineData("""{"name": "get_weather", "parameters": {"city": 1""")]
    [InlineData(Rome + " There")]
    [InlineData(Rome + "{\"name\": \"get_w3")]
    public void Auto_BeginningOfACall_AllowsNothingElse(string text) => Assert.False(Json().Begins(text));

    [Theory]
    [InlineData("", true)]
    [InlineData("See [1] and get_time(", true)]
    [InlineData("[get_time()]", true)]
    [InlineData("Well. [get_weather(city=\"Rome\", days=2), get_time()]", true)]
    [InlineData("```tool_code\n[ get_time()]\n```", true)]
    [InlineData("[get_weather(city=\"Ro\\\"me)]\")]", true)]
    [InlineData("[get_weather(days=2", false)]
    [InlineData("[get_weather(town", false)]
    [InlineData("[get_time(x", false)]
    [InlineData("[get_time()] and", false)]
    [InlineData("[get_time(), [", false)]
    public void Pythonic_TextsAndCalls_AreTaken(string text, bool isTaken)
    {
        var grammar = Pythonic(Tools);
        Assert.Equal(isTaken, isTaken ? grammar.Takes(text) : grammar.Begins(text));
    }

    [Fact]
    public void Pythonic_Values_AreWrittenAsInPython()
    {
        const string Schema = """{"properties":{"a":{"type":["boolean","null"]},"b":{"enum":[true,[null]]},"c":{}},"additionalProperties":{"type":"integer"}}""";
        var grammar = Pythonic([new("f", Schema)]);
        Assert.True(grammar.Takes("[f()]") && grammar.Takes("[f(a=True)]") && grammar.Takes("[f(a=None, b=[None], c={\"x\": False}, more=1)]"));
        Assert.False(grammar.Begins("[f(a=t") || grammar.Begins("[f(b=tr") || grammar.Begins("[f(c=n") || grammar.Begins("[f(1") || grammar.Begins("[f(more=\""));
    }

    [Theory]
    [InlineData("""{"properties":{"a-b":{}}}""", "/0/properties")]
    [InlineData("""{"type":"object","anyOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}""", "/0")]
    public void Pythonic_WhatCannotBeKeywords_IsAFault(string schema, string pointer) => Assert.Equal(
        pointer, Grammars.Fault(new ToolCallGrammar { Form = ToolCallForm.Pythonic, Tools = [new("f", schema)] }.ToDefinition()).Pointer);

    [Fact]
    public void Required_NothingButCalls_IsTaken()
    {
        var grammar = Json(required: true);
        Assert.True(grammar.Takes(Rome) && grammar.Takes(Rome + "\n" + Time));
        Assert.False(grammar.Takes("") || grammar.Begins("Hi") || grammar.Begins(" ") || grammar.Begins("{\"name\": \"x"));
        Assert.NotEmpty(new GrammarMatcher(grammar).Forced.ToArray());
    }

    [Fact]
    public void NotParallel_AfterTheFirstCall_IsTheEnd()
    {
        var grammar = Json(parallel: false);
        Assert.True(grammar.Takes("Hi " + Rome));
        Assert.True(Grammar.Step(grammar.Start, System.Text.Encoding.UTF8.GetBytes("Hi " + Rome)).IsComplete);
    }

    [Fact]
    public void Otherwise_EitherItsTextOrCalls()
    {
        var grammar = Json(otherwise: new(GrammarKind.JsonSchema, """{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"]}"""));
        Assert.True(grammar.Takes("""{"name": "get_weather", "age": 3}""") && grammar.Takes(Rome));
        Assert.False(grammar.Begins("Hi") || grammar.Begins("""{"name": "get_time", "x"""));
    }

    /// <summary>While the text is free, the mask is made once and holds every token.</summary>
    [Fact]
    public void Auto_FreeText_HasOneMaskOfAllTokens()
    {
        var grammar = Json();
        var texts = Enumerable.Range(0, Grammars.Tokenizer.VocabularySize).Count(token => !Grammars.Tokenizer.Piece(token).IsEmpty);
        Assert.Equal(texts, grammar.Mask(grammar.Start).Count);
        Assert.Same(grammar.Mask(grammar.Start), Grammar.KnownMask(Grammar.Step(grammar.Start, "Some {text} \"name\": \"get_time\""u8)));
    }

    [Fact]
    public void Compile_FaultOfATool_HasItsNumberInThePointer()
    {
        var fault = Grammars.Fault(new ToolCallGrammar { Tools = [Tools[0], new("f", """{"properties":{"a":{"multipleOf":2}}}""")] }.ToDefinition());
        Assert.Equal("/1/properties/a/multipleOf", fault.Pointer);
    }

    [Fact]
    public void Generate_RandomTools_ArgumentsAreValid()
    {
        var random = new Random(20261127);
        var (ended, several) = (0, 0);
        for (var i = 0; i < 150; i++)
        {
            var schemas = Enumerable.Range(0, random.Next(1, 4)).Select(_ => $$"""{"type":"object","properties":{"v":{{new SchemaGenerator(random).Make().Schema.ToJsonString()}}},"required":["v"]}""").ToArray();
            var parallel = random.Next(2) == 0;

            // References lead into the schema of the tool, which here is a part of another one.
            var tools = schemas.Select((schema, n) => new CallableTool($"tool_{n}", schema.Replace("\"#/$defs/", "\"#/properties/v/$defs/", StringComparison.Ordinal))).ToArray();
            var grammar = Grammars.Compile(new ToolCallGrammar { Tools = tools, Required = true, Parallel = parallel }.ToDefinition());
            if (grammar.Generate(random, 250) is not { } output) continue;
            ended++;
            var calls = Calls(output);
            Assert.True(calls.Count == 1 || (parallel && calls.Count > 1), output);
            if (calls.Count > 1) several++;
            foreach (var call in calls)
            {
                var tool = tools.Single(t => t.Name == call.GetProperty("name").GetString());
                Assert.True(
                    JsonSchema.FromText(tool.Parameters).Evaluate(call.GetProperty("parameters"), new() { RequireFormatValidation = true }).IsValid,
                    $"{tool.Parameters}\n{output}");
            }
        }

        Assert.True(ended > 75 && several > 5, $"{ended} ended, {several} with several calls.");
    }

    /// <summary>The JSON values of an answer, without what stands between them.</summary>
    private static List<JsonElement> Calls(string output)
    {
        List<JsonElement> calls = [];
        var bytes = System.Text.Encoding.UTF8.GetBytes(output);
        for (var at = 0; at < bytes.Length;)
        {
            if (bytes[at] != '{')
            {
                Assert.Contains((char)bytes[at], " \t\n,]`");
                at++;
                continue;
            }

            var reader = new Utf8JsonReader(bytes.AsSpan(at), isFinalBlock: false, new JsonReaderState(new() { MaxDepth = 500 }));
            calls.Add(JsonElement.ParseValue(ref reader));
            at += (int)reader.BytesConsumed;
        }

        return calls;
    }

    private static Grammar Pythonic(CallableTool[] tools) =>
        Grammars.Compile(new ToolCallGrammar { Form = ToolCallForm.Pythonic, Tools = tools }.ToDefinition());

    private static Grammar Json(bool required = false, bool parallel = true, GrammarDefinition? otherwise = null) => Grammars.Compile(
        new ToolCallGrammar { Tools = Tools, Required = required, Parallel = parallel, Otherwise = otherwise }.ToDefinition());
}
