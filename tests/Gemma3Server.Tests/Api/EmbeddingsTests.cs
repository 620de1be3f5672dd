using System.ClientModel;
using System.Net;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using OpenAI;
using OpenAI.Embeddings;

namespace Gemma3Server.Tests.Api;

public sealed class EmbeddingsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Path = "/v1/embeddings";

    [Fact]
    public async Task Post_OneText_HasOpenAiBody()
    {
        using var response = await shared.Server.PostToAsync(Path, """{"model":"gemma-test","input":"Hi"}""");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        var vector = string.Join(',', Vector("Hi").Select(number => JsonSerializer.Serialize(number)));
        Assert.Equal(
            $$$"""{"data":[{"index":0,"embedding":[{{{vector}}}],"object":"embedding"}],"model":"gemma-test","usage":{"prompt_tokens":3,"total_tokens":3},"object":"list"}""",
            await TestServer.ReadAsync(response));
        Assert.False(response.Headers.Contains("x-ignored-params"));
    }

    [Theory]
    [InlineData("""["Hi","a","Hi"]""", 8)]
    [InlineData("""[[2,310,343],[2,335],[2,310,343]]""", 8)]
    public async Task Post_SeveralInputs_AreAnsweredInOrder(string input, int tokens)
    {
        var body = await PostAsync($$"""{"input":{{input}}}""");
        var items = body.GetProperty("data").EnumerateArray().ToArray();
        Assert.Equal([0, 1, 2], items.Select(item => item.GetProperty("index").GetInt32()));
        Assert.Equal([Vector("Hi"), Vector("a"), Vector("Hi")], items.Select(Floats));
        Assert.Equal(tokens, body.GetProperty("usage").GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task Post_TokenIds_AreOneInputTakenAsTheyAre()
    {
        var body = await PostAsync("""{"input":[310,343],"encoding_format":"float"}""");
        var item = Assert.Single(body.GetProperty("data").EnumerateArray());
        Assert.Equal(Mean([310, 343]), Floats(item));
        Assert.Equal(2, body.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Post_TextThatSpellsAControlToken_StaysText()
    {
        var body = await PostAsync("""{"input":"<bos>"}""");
        Assert.Equal(6, body.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Post_Base64_HoldsTheSameNumbers()
    {
        var body = await PostAsync("""{"input":"Hi","encoding_format":"base64"}""");
        var bytes = body.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();
        Assert.Equal(Vector("Hi"), MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    [Fact]
    public async Task Post_FewerDimensions_AreTheFirstOnesMadeOneOfLengthOne()
    {
        var cut = Floats((await PostAsync("""{"input":"Hi","dimensions":3}""")).GetProperty("data")[0]);
        Assert.Equal(3, cut.Length);
        Assert.Equal(1, TensorPrimitives.Norm<float>(cut), 1e-6);
        Assert.Equal(1, TensorPrimitives.CosineSimilarity<float>(cut, Vector("Hi").AsSpan(0, 3)), 1e-6);
    }

    [Theory]
    [InlineData("", null, "input", "missing_required_parameter", "'input'")]
    [InlineData("\"input\":null", null, "input", "missing_required_parameter", "'input'")]
    [InlineData("\"input\":5", null, "input", "invalid_type", "expected a string, an array of strings, an array of token ids or an array of arrays of token ids, but got 5")]
    [InlineData("\"input\":{}", null, "input", "invalid_type", "but got an object")]
    [InlineData("\"input\":[]", null, "input", "invalid_value", "but is an empty array")]
    [InlineData("\"input\":\"\"", null, "input", "invalid_value", "at least 1 character, but is empty")]
    [InlineData("\"input\":[\"a\",\"\"]", null, "input[1]", "invalid_value", "at least 1 character, but is empty")]
    [InlineData("\"input\":[\"a\",5]", null, "input[1]", "invalid_type", "expected a string, but got 5")]
    [InlineData("\"input\":[null]", null, "input[0]", "invalid_type", "expected a string, but got null")]
    [InlineData("\"input\":[{}]", null, "input[0]", "invalid_type", "expected a string, but got an object")]
    [InlineData("\"input\":[5,\"a\"]", null, "input[1]", "invalid_type", "expected a token id, but got \"a\"")]
    [InlineData("\"input\":[5,1.5]", null, "input[1]", "invalid_type", "expected a token id, but got 1.5")]
    [InlineData("\"input\":[512]", null, "input[0]", "invalid_value", "from 0 to 511, but is 512")]
    [InlineData("\"input\":[-1]", null, "input[0]", "invalid_value", "from 0 to 511, but is -1")]
    [InlineData("\"input\":[[5],[]]", null, "input[1]", "invalid_value", "at least 1 token id, but is an empty array")]
    [InlineData("\"input\":[[5],[600]]", null, "input[1][0]", "invalid_value", "from 0 to 511, but is 600")]
    [InlineData("\"input\":[[5],\"a\"]", null, "input[1]", "invalid_type", "expected an array of token ids, but got \"a\"")]
    [InlineData("\"input\":\"\\ud800\"", null, "input", "invalid_type", "half a surrogate pair")]
    [InlineData("\"input\":[\"a\\u0000\"]", null, "input[0]", "invalid_type", "a NUL character")]
    [InlineData("\"input\":\"a\",\"encoding_format\":\"\\ud800\"", null, "encoding_format", "invalid_type", "half a surrogate pair")]
    [InlineData("\"input\":\"a\",\"encoding_format\":\"int8\"", null, "encoding_format", "invalid_value", "\"float\" or \"base64\", but is 'int8'")]
    [InlineData("\"input\":\"a\",\"dimensions\":0", null, "dimensions", "invalid_value", "from 1 to 8, but is 0")]
    [InlineData("\"input\":\"a\",\"dimensions\":9", null, "dimensions", "invalid_value", "from 1 to 8, but is 9")]
    [InlineData("\"input\":\"a\",\"dimensions\":1.5", null, "dimensions", "invalid_type", "expected an integer, but got 1.5")]
    [InlineData("\"input\":\"a\",\"user\":\"me\"", "x-strict", "user", "unsupported_parameter", "'user' has no effect")]
    [InlineData("\"input\":\"0123456789012345678901234567890123456789012345678901234567890123\"", null, "input", "context_length_exceeded", "64 tokens, but the input has at least 65 tokens.")]
    public async Task Post_BadField_Is400WithParamAndCode(string fields, string? header, string param, string code, string message)
    {
        using var response = await shared.Server.PostToAsync(Path, $"{{{fields}}}", header is null ? [] : [(header, "1")]);
        var error = JsonDocument.Parse(await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest)).RootElement.GetProperty("error");
        Assert.Equal((param, code), (error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        Assert.Contains(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_TooManyInputs_NamesBothNumbers()
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await server.PostToAsync(Path, $$"""{"input":[{{string.Join(',', Enumerable.Repeat("\"a\"", 2049))}}]}""");
        Assert.Contains("'input' must be at most 2048 prompts, but is 2049.", await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_FieldsWithoutEffect_AreNamed()
    {
        using var response = await shared.Server.PostToAsync(Path, """{"input":"a","user":"me","truncate":true}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("truncate,user", response.Headers.GetValues("x-ignored-params").Single());
    }

    [Fact]
    public async Task Post_OtherModel_Is404()
    {
        using var response = await shared.Server.PostToAsync(Path, """{"input":"a","model":"text-embedding-3-small"}""");
        Assert.Contains("model_not_found", await TestServer.ErrorAsync(response, HttpStatusCode.NotFound), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_Route_Is405WithAllow()
    {
        using var response = await shared.Server.Client.GetAsync(Path, TestContext.Current.CancellationToken);
        Assert.Contains("method_not_allowed", await TestServer.ErrorAsync(response, HttpStatusCode.MethodNotAllowed), StringComparison.Ordinal);
        Assert.Equal(["POST"], response.Content.Headers.Allow);
    }

    [Theory]
    [InlineData(ForwardStatus.NoSpace, 503, "out_of_memory", "no memory to embed a text of 2 tokens")]
    [InlineData(ForwardStatus.Failed, 500, "generation_failed", "could not embed")]
    public async Task Post_RuntimeFails_IsServerError(ForwardStatus status, int http, string code, string message)
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnEmbedding = _ => status });
        using var response = await server.PostToAsync(Path, """{"input":"a"}""");
        var body = await TestServer.ErrorAsync(response, (HttpStatusCode)http);
        Assert.Contains(code, body, StringComparison.Ordinal);
        Assert.Contains(message, body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_QueueIsFull_Is429WithRetryAfter()
    {
        using var gate = new StepGate();
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { OnEmbedding = gate.Pass, MaxSequences = 1 }, new() { Engine = new() { QueueLimit = 0 } });
        var held = server.PostToAsync(Path, """{"input":"a"}""");
        await gate.Reached;
        using var response = await server.PostToAsync(Path, """{"input":"a"}""");
        Assert.Contains("rate_limit_exceeded", await TestServer.ErrorAsync(response, HttpStatusCode.TooManyRequests), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
        gate.Open();
        (await held).Dispose();
    }

    [Fact]
    public async Task Post_ThroughTheOpenAiClient_GivesTheVectors()
    {
        var client = new EmbeddingClient(TestServer.ModelId, new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(shared.Server.Client.BaseAddress!, "v1") });
        OpenAIEmbeddingCollection embeddings = await client.GenerateEmbeddingsAsync(["Hi", "a"], cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([Vector("Hi"), Vector("a")], embeddings.Select(embedding => embedding.ToFloats().ToArray()));
        Assert.Equal((5, 5), (embeddings.Usage.InputTokenCount, embeddings.Usage.TotalTokenCount));
        OpenAIEmbedding cut = await client.GenerateEmbeddingAsync("Hi", new() { Dimensions = 2 }, TestContext.Current.CancellationToken);
        Assert.Equal(2, cut.ToFloats().Length);
        OpenAIEmbeddingCollection ofTokens = await client.GenerateEmbeddingsAsync(
            new ReadOnlyMemory<int>[] { new[] { 2, 335 } }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Vector("a"), ofTokens[0].ToFloats().ToArray());
    }

    private async Task<JsonElement> PostAsync(string body)
    {
        using var response = await shared.Server.PostToAsync(Path, body);
        var text = await TestServer.ReadAsync(response);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private static float[] Floats(JsonElement item) => [.. item.GetProperty("embedding").EnumerateArray().Select(number => number.GetSingle())];

    private static float[] Vector(string text) => Mean([FakeTokenizer.Bos, .. new FakeTokenizer().Tokenize(text)]);

    /// <summary>What the API promises, computed apart: the normalized mean of the states.</summary>
    private static float[] Mean(int[] tokens)
    {
        var sum = new double[FakeEmbeddings.Length];
        for (var length = 1; length <= tokens.Length; length++)
        {
            var state = FakeEmbeddings.State(tokens.AsSpan(0, length));
            for (var i = 0; i < sum.Length; i++) sum[i] += state[i];
        }

        var norm = TensorPrimitives.Norm<double>(sum);
        return [.. sum.Select(value => (float)(value / norm))];
    }
}
