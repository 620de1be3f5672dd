using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Tests.Support.Shapes;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>What the real library's answers look like when a client asks for everything: several choices, log-probabilities, usage.</summary>
public sealed class PocketLogprobsTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Post_Greedy_TheTokenIsTheMostProbableAndTheTokensAreTheText()
    {
        var (text, tokens) = Assert.Single(Read(await PostAsync(n: 1, temperature: 0)));
        Assert.Contains("Paris", text, StringComparison.Ordinal);
        Assert.Equal(text, string.Concat(tokens.Select(token => token.GetProperty("token").GetString())));
        foreach (var token in tokens)
        {
            var top = token.GetProperty("top_logprobs").EnumerateArray().ToList();
            Assert.Equal(20, top.Count);
            Assert.Equal(token.GetProperty("token").GetString(), top[0].GetProperty("token").GetString());
            Assert.Equal(token.GetProperty("logprob").GetSingle(), top[0].GetProperty("logprob").GetSingle());
            Assert.Equal(top.OrderByDescending(Logprob), top);
            Assert.InRange(top.Sum(entry => Math.Exp(Logprob(entry))), 0.5, 1.000001);
            var bytes = token.GetProperty("bytes").EnumerateArray().Select(value => value.GetByte()).ToArray();
            Assert.Equal(token.GetProperty("token").GetString(), Encoding.UTF8.GetString(bytes));
        }
    }

    [Fact]
    public async Task Post_Streamed_EqualsTheWholeAnswer()
    {
        var whole = Read(await PostAsync(n: 3, temperature: 1.5));
        var stream = await PostAsync(n: 3, temperature: 1.5, stream: true);
        var texts = new string[3];
        var tokens = new List<string>[] { [], [], [] };
        foreach (var data in stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(line => line.StartsWith("data: {", StringComparison.Ordinal)))
        {
            foreach (var choice in JsonDocument.Parse(data[6..]).RootElement.GetProperty("choices").EnumerateArray())
            {
                var index = choice.GetProperty("index").GetInt32();
                if (choice.GetProperty("delta").TryGetProperty("content", out var content)) texts[index] += content.GetString();
                if (choice.GetProperty("logprobs") is { ValueKind: JsonValueKind.Object } logprobs)
                    tokens[index].AddRange(logprobs.GetProperty("content").EnumerateArray().Select(token => token.GetRawText()));
            }
        }

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(whole[i].Text, texts[i]);
            Assert.Equal(whole[i].Tokens.Select(token => token.GetRawText()), tokens[i]);
        }
    }

    private static double Logprob(JsonElement entry) => entry.GetProperty("logprob").GetDouble();

    private static List<(string Text, List<JsonElement> Tokens)> Read(string body) =>
    [
        .. JsonDocument.Parse(body).RootElement.GetProperty("choices").EnumerateArray().Select(choice => (
            choice.GetProperty("message").GetProperty("content").GetString()!,
            choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().ToList())),
    ];

    private async Task<string> PostAsync(int n, double temperature, bool stream = false)
    {
        JsonObject body = new()
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "What is the capital of France?" }),
            ["n"] = n,
            ["temperature"] = temperature,
            ["seed"] = 11,
            ["max_tokens"] = 40,
            ["logprobs"] = true,
            ["top_logprobs"] = 20,
            ["stream"] = stream,
        };
        if (stream) body["stream_options"] = new JsonObject { ["include_usage"] = true };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("v1/chat/completions", UriKind.Relative))
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("x-deterministic", "1"); // so that rounding is the same both times
        using var response = await fixture.Process.Http.SendAsync(request, Cancellation);
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        OpenAiShapes.Check(text);
        return text;
    }
}
