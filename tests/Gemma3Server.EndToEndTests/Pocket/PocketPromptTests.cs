using System.Net.Http.Json;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>Completions, embeddings and tokens on the real library.</summary>
public sealed class PocketPromptTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private const string Question = "What is the capital of France?";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private HttpClient Http => fixture.Process.Http;

    [Fact]
    public async Task Completions_TokensOfAConversation_GiveTheChatsAnswer()
    {
        var answer = await PocketChat.AskAsync(Http, Question, Cancellation);
        var prompt = await TemplateAsync(Question);
        var body = await PostAsync("v1/completions", new { prompt, temperature = 0, max_tokens = 200, logprobs = 3 });
        var choice = body.GetProperty("choices")[0];
        Assert.Equal((answer, "stop"), (choice.GetProperty("text").GetString(), choice.GetProperty("finish_reason").GetString()));
        Assert.Equal(prompt.Length, body.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());

        // Greedy: each token is the most probable one, and their texts are the answer's.
        var logprobs = choice.GetProperty("logprobs");
        Assert.Equal(answer, string.Concat(logprobs.GetProperty("tokens").EnumerateArray().Select(token => token.GetString())));
        var values = logprobs.GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        var tops = logprobs.GetProperty("top_logprobs").EnumerateArray().ToArray();
        for (var i = 0; i < values.Length; i++)
        {
            Assert.Equal(3, tops[i].EnumerateObject().Count());
            Assert.Equal(values[i], tops[i].EnumerateObject().Max(top => top.Value.GetSingle()));
        }
    }

    [Fact]
    public async Task Completions_ControlTokensSpelledInText_StayText()
    {
        var written = (await PostAsync("apply-template", Conversation(Question))).GetProperty("prompt").GetString()!;
        var spelled = await PostAsync("v1/completions", new { prompt = written, max_tokens = 1 });
        Assert.True(spelled.GetProperty("usage").GetProperty("prompt_tokens").GetInt32() > (await TemplateAsync(Question)).Length + 10);
    }

    [Fact]
    public async Task Tokens_OfAText_GiveItBackAndCountIt()
    {
        const string Text = "The capital of France is Paris. 12 + 30 = 42 🙂";
        var tokens = (await PostAsync("tokenize", new { content = Text })).GetProperty("tokens");
        Assert.Equal(Text, (await PostAsync("detokenize", new { tokens })).GetProperty("content").GetString());
        var counted = (await PostAsync("v1/chat/completions/input_tokens", Conversation(Text))).GetProperty("input_tokens").GetInt32();
        Assert.Equal((await TemplateAsync(Text)).Length, counted);
        Assert.True(counted > tokens.GetArrayLength());
    }

    [Fact]
    public async Task Embeddings_OfText_AreThoseOfItsTokensInEveryEncoding()
    {
        var tokens = (await PostAsync("tokenize", new { content = Question, add_special = true })).GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()).ToArray();
        var vectors = await EmbedAsync(Question, "Name a fruit.", Question);
        Assert.Equal(vectors[0], vectors[2]);
        Assert.NotEqual(vectors[0], vectors[1]);
        Assert.All(vectors, vector => Assert.Equal(1, TensorPrimitives.Norm<float>(vector), 1e-5));

        var body = await PostAsync("v1/embeddings", new { input = tokens, encoding_format = "base64" });
        var bytes = body.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();
        Assert.Equal(vectors[0], MemoryMarshal.Cast<byte, float>(bytes).ToArray());
        Assert.Equal(tokens.Length, body.GetProperty("usage").GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task Embeddings_BesideStreams_AreTheSameAndTheStreamsGoOn()
    {
        var text = string.Join(' ', Enumerable.Repeat(Question, 40)); // several chunks
        var alone = Assert.Single(await EmbedAsync(text));
        var streams = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => ChatStream.OpenAsync(Http, ChatStream.Body($"Tell me about {i}.", 400, seed: i))));
        await Task.WhenAll(streams.Select(stream => stream.ReadTextAsync(1, Cancellation)));
        Assert.Equal(alone, Assert.Single(await EmbedAsync(text)));
        await Task.WhenAll(streams.Select(stream => stream.ReadTextAsync(2, Cancellation)));
        foreach (var stream in streams) await stream.DisposeAsync();
    }

    [Fact]
    public async Task Embeddings_LikeTexts_AreNearerThanUnlikeOnes()
    {
        var vectors = await EmbedAsync(Question, "What is the capital of Spain?", "What is 12 + 30?", "What is 17 + 25?");
        var (capitals, sums, across) = (Likeness(0, 1), Likeness(2, 3), Likeness(0, 2));
        Assert.True(capitals > across && sums > across, $"{capitals} and {sums} against {across}");

        float Likeness(int a, int b) => TensorPrimitives.CosineSimilarity<float>(vectors[a], vectors[b]);
    }

    private async Task<float[][]> EmbedAsync(params string[] input)
    {
        var body = await PostAsync("v1/embeddings", new { input });
        return [.. body.GetProperty("data").EnumerateArray().Select(item => item.GetProperty("embedding").EnumerateArray().Select(number => number.GetSingle()).ToArray())];
    }

    private async Task<int[]> TemplateAsync(string content) =>
        [.. (await PostAsync("apply-template", Conversation(content))).GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())];

    private static object Conversation(string content) => new { messages = new[] { new { role = "user", content } } };

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using var response = await Http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body, Cancellation);
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(response.IsSuccessStatusCode, json.ToString());
        return json;
    }
}
