using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>Answers that must look as the request says, from the real library, several at a time and beside free ones.</summary>
public sealed class PocketStructuredTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private static readonly JsonNode Schema = JsonNode.Parse("""
        {"type":"object","properties":{"city":{"type":"string","minLength":1,"maxLength":20},"country":{"enum":["France","Spain","Italy"]},
        "founded":{"type":"integer","minimum":0,"maximum":2000},"tags":{"type":"array","items":{"type":"string","pattern":"^[a-z]{2,8}$"},"minItems":2,"maxItems":3}},
        "required":["city","country","founded","tags"],"additionalProperties":false}
        """)!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Post_SixteenSchemasBesideFreeAnswers_EachIsWhatItMustBeAndTheFreeOnesUnchanged()
    {
        var alone = await Task.WhenAll(Enumerable.Range(0, 1).Select(_ => AskAsync(100, null)));
        var format = new JsonObject { ["type"] = "json_schema", ["json_schema"] = new JsonObject { ["name"] = "city", ["strict"] = true, ["schema"] = Schema.DeepClone() } };
        var asked = Enumerable.Range(0, 16).Select(seed => AskAsync(seed, ("response_format", format.DeepClone()))).ToArray();
        var free = AskAsync(100, null);
        foreach (var answer in await Task.WhenAll(asked))
        {
            Assert.Equal("stop", answer.Finish);
            using var city = JsonDocument.Parse(answer.Text);
            var root = city.RootElement;
            Assert.Contains(root.GetProperty("country").GetString(), new[] { "France", "Spain", "Italy" });
            Assert.InRange(root.GetProperty("founded").GetInt32(), 0, 2000);
            Assert.InRange(root.GetProperty("city").GetString()!.EnumerateRunes().Count(), 1, 20);
            Assert.All(root.GetProperty("tags").EnumerateArray(), tag => Assert.Matches("^[a-z]{2,8}$", tag.GetString()));
        }

        Assert.Equal(alone[0], await free);
    }

    [Theory]
    [InlineData("regex", "\"[A-Z][a-z]{3,9} [0-9]{2}\"", "^[A-Z][a-z]{3,9} [0-9]{2}$")]
    [InlineData("choice", "[\"Paris\",\"Rome\"]", "^(Paris|Rome)$")]
    [InlineData("grammar", "\"root ::= \\\"The \\\" word (\\\", \\\" word){2}\\nword ::= [a-z]{1,6}\"", "^The [a-z]{1,6}(, [a-z]{1,6}){2}$")]
    public async Task Post_StructuredOutputs_AnswerMatches(string kind, string value, string pattern)
    {
        var answer = await AskAsync(1, ("structured_outputs", new JsonObject { [kind] = JsonNode.Parse(value) }));
        Assert.Matches(new Regex(pattern), answer.Text);
        Assert.Equal("stop", answer.Finish);
    }

    private async Task<(string Text, string Finish)> AskAsync(int seed, (string Name, JsonNode Value)? field)
    {
        var body = new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "What is the capital of France?" }),
            ["seed"] = seed,
            ["temperature"] = field is null ? 0 : 2,
            ["top_k"] = 0,
            ["top_p"] = 1,
            ["max_tokens"] = 400,
        };
        if (field is { } given) body[given.Name] = given.Value;
        using var response = await fixture.Process.Http.PostAsJsonAsync(new Uri("v1/chat/completions", UriKind.Relative), body, Cancellation);
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(response.IsSuccessStatusCode, json.ToString());
        var choice = json.GetProperty("choices")[0];
        return (choice.GetProperty("message").GetProperty("content").GetString()!, choice.GetProperty("finish_reason").GetString()!);
    }
}
