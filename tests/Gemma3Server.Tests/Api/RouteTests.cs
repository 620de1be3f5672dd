using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class RouteTests
{
    [Fact]
    public async Task Models_ServedModel_IsListedAndDescribed()
    {
        await using var server = await TestServer.StartAsync("a");
        const string Model = """{"id":"gemma-test","object":"model","created":1800000000,"owned_by":"gemma3server","status":{"value":"loaded","pinned":true,"default":true,"requests":0,"keep_alive":"300s","host_bytes":0,"gpu_bytes":0}}""";
        Assert.Equal($$"""{"object":"list","data":[{{Model}}]}""", await server.Client.GetStringAsync("/v1/models", TestContext.Current.CancellationToken));
        Assert.Equal(Model, await server.Client.GetStringAsync("/v1/models/gemma-test", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("google/gemma", "google/gemma")]
    [InlineData("google/gemma", "google%2Fgemma")]
    [InlineData("100%25", "100%2525")]
    public async Task Models_IdWithSlash_IsFoundEscapedOrNot(string id, string path)
    {
        await using var server = await TestServer.StartAsync("a", new() { Model = new() { Id = id } });
        var body = await server.Client.GetStringAsync($"/v1/models/{path}", TestContext.Current.CancellationToken);
        Assert.StartsWith($"{{\"id\":\"{id}\"", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/health", 200)]
    [InlineData("/health/ready", 200)]
    [InlineData("/v1/models", 200)]
    [InlineData("/v1/models/gemma-test", 200)]
    [InlineData("/v1/models/other", 404)]
    public async Task Head_Route_AnswersLikeGetWithoutBody(string path, int status)
    {
        await using var server = await TestServer.StartAsync("a");
        using var get = await server.Client.GetAsync(path, TestContext.Current.CancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using var head = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode)status, head.StatusCode);
        Assert.Equal(get.StatusCode, head.StatusCode);
        Assert.Equal(get.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Chat_OnlySystemMessages_IsAnswered()
    {
        await using var server = await TestServer.StartAsync("ok");
        using var response = await server.PostAsync("""{"messages":[{"role":"system","content":"Say ok."}]}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData(null, 401, "didn't provide")]
    [InlineData("Bearer wrong", 401, "Incorrect")]
    [InlineData("Basic key-1", 401, "Incorrect")]
    [InlineData("Bearer", 401, "Incorrect")]
    [InlineData("Bearer key-1", 200, "")]
    [InlineData("bearer key-2", 200, "")]
    public async Task Models_ServerHasKeys_AsksForOne(string? authorization, int status, string message)
    {
        await using var server = await TestServer.StartAsync("a", new() { Http = new() { ApiKeys = ["key-1", "key-2"] } });
        if (authorization is not null) server.Client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);
        using var response = await server.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
        using var health = await server.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        if (status == 200) return;
        var body = await TestServer.ErrorAsync(response, HttpStatusCode.Unauthorized);
        Assert.Contains(message, body, StringComparison.Ordinal);
        Assert.Contains("\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"", body, StringComparison.Ordinal);
        Assert.Equal(new AuthenticationHeaderValue("Bearer"), response.Headers.WwwAuthenticate.Single());
    }

    [Theory]
    [InlineData("my-id_1.2:3", true)]
    [InlineData("has space", false)]
    [InlineData("<script>", false)]
    [InlineData("", false)]
    public async Task RequestId_Offered_IsTakenOnlyWhenWellFormed(string offered, bool taken)
    {
        await using var server = await TestServer.StartAsync("a");
        server.Client.DefaultRequestHeaders.TryAddWithoutValidation("x-request-id", offered);
        using var response = await server.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        var id = response.Headers.GetValues("x-request-id").Single();
        if (taken) Assert.Equal(offered, id);
        else Assert.Matches("^req_[0-9a-f]{32}$", id);
    }

    [Fact]
    public async Task Swagger_Document_DescribesTheApi()
    {
        await using var server = await TestServer.StartAsync("a");
        using var document = JsonDocument.Parse(await server.Client.GetStringAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken));
        Assert.StartsWith("3.1.", document.RootElement.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.Equal(
            [
                "/apply-template", "/detokenize", "/health", "/health/ready", "/models/load", "/models/pin", "/models/unload", "/tokenize", "/v1/chat/completions", "/v1/chat/completions/input_tokens",
                "/v1/completions", "/v1/embeddings", "/v1/models", "/v1/models/{id}",
                "/v1/plan", "/v1/responses", "/v1/responses/input_tokens", "/v1/responses/{id}", "/v1/responses/{id}/cancel", "/v1/responses/{id}/input_items",
            ],
            document.RootElement.GetProperty("paths").EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas");
        var request = schemas.GetProperty("ChatCompletionRequest");
        Assert.Contains("max_completion_tokens", request.GetProperty("properties").EnumerateObject().Select(p => p.Name));
        Assert.Equal(["messages"], request.GetProperty("required").EnumerateArray().Select(p => p.GetString()));
        Assert.True(schemas.GetProperty("ChatMessage").GetProperty("properties").GetProperty("content").TryGetProperty("oneOf", out _));

        var paths = document.RootElement.GetProperty("paths");
        var chat = paths.GetProperty("/v1/chat/completions").GetProperty("post");
        var answer = chat.GetProperty("responses").GetProperty("200");
        Assert.Equal("#/components/schemas/ChatCompletionResponse", Schema(answer, "application/json"));
        Assert.Equal("#/components/schemas/ChatCompletionChunk", Schema(answer, "text/event-stream"));
        Assert.Contains("x-strict", chat.GetProperty("parameters").EnumerateArray().Select(p => p.GetProperty("name").GetString()));
        Assert.True(answer.GetProperty("headers").TryGetProperty("x-ignored-params", out _));
        Assert.True(answer.GetProperty("headers").TryGetProperty("x-request-id", out _));
        Assert.Equal("user", request.GetProperty("examples")[0].GetProperty("messages")[1].GetProperty("role").GetString());
        Assert.True(chat.GetProperty("responses").TryGetProperty("500", out _));
        Assert.True(chat.TryGetProperty("security", out _));
        var models = paths.GetProperty("/v1/models");
        Assert.Equal(["get"], models.EnumerateObject().Select(p => p.Name));
        Assert.True(models.GetProperty("get").GetProperty("responses").TryGetProperty("401", out _));
        Assert.True(models.GetProperty("get").TryGetProperty("security", out _));
        Assert.False(paths.GetProperty("/health").GetProperty("get").TryGetProperty("security", out _));
        Assert.False(document.RootElement.TryGetProperty("security", out _));
        Assert.Contains("Gemma3Server", await server.Client.GetStringAsync("/swagger/index.html", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static string? Schema(JsonElement response, string type) =>
        response.GetProperty("content").GetProperty(type).GetProperty("schema").GetProperty("$ref").GetString();
}
