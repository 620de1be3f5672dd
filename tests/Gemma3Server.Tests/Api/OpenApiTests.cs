using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Gemma3Server.Tests.Support.Shapes;
using Microsoft.OpenApi;

namespace Gemma3Server.Tests.Api;

/// <summary>The API's document is true: it can be read, says what the server does, and its examples work.</summary>
public sealed class OpenApiTests
{
    [Fact]
    public async Task Document_ReadByALibrary_HasNoFault()
    {
        await using var server = await TestServer.StartAsync("a");
        var (document, diagnostic) = OpenApiDocument.Parse(await DocumentAsync(server), OpenApiConstants.Json);
        Assert.Equal(OpenApiSpecVersion.OpenApi3_1, diagnostic!.SpecificationVersion);
        Assert.Empty(diagnostic.Errors.Select(error => error.ToString()));
        Assert.Empty(diagnostic.Warnings.Select(warning => warning.ToString()));
        Assert.All(document!.Paths.Values.SelectMany(path => path.Operations!.Values), operation => Assert.NotEmpty(operation.Summary ?? ""));
    }

    [Fact]
    public async Task Document_RequestExamples_AreAnswered()
    {
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { ContextLength = 1024, Next = ScriptedReply.Of("ok") }, new() { Http = new() { AdminKeys = ["admin"] } });
        var document = JsonNode.Parse(await DocumentAsync(server))!;
        var sent = 0;
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            if (item!["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]?["$ref"]?.GetValue<string>() is not { } reference) continue;
            var schema = document["components"]!["schemas"]![reference.Split('/')[^1]]!;
            Assert.True(schema["examples"] is JsonArray { Count: > 0 }, $"{path}: {reference} has no example");
            foreach (var example in schema["examples"]!.AsArray())
            {
                var body = example!.DeepClone();
                if (body["model"] is not null) body["model"] = TestServer.ModelId;
                using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
                using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
                request.Headers.Add("x-strict", "1");
                request.Headers.Authorization = new("Bearer", "admin");
                using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
                Assert.True(response.StatusCode == HttpStatusCode.OK, $"{path}: {await TestServer.ReadAsync(response)}");
                sent++;
            }
        }

        Assert.True(sent > 0);
    }

    [Fact]
    public async Task Document_ResponseExamples_HaveOpenAisShape()
    {
        await using var server = await TestServer.StartAsync("a");
        using var document = JsonDocument.Parse(await DocumentAsync(server));
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas");
        foreach (var name in (string[])["ChatCompletionResponse", "ChatCompletionChunk", "ErrorResponse"])
        {
            foreach (var example in schemas.GetProperty(name).GetProperty("examples").EnumerateArray()) OpenAiShapes.Check(example.GetRawText());
        }
    }

    /// <summary>Every field that the chat endpoint reads is described, and the bounds are those that it enforces.</summary>
    [Fact]
    public async Task Document_ChatRequest_HasItsBounds()
    {
        await using var server = await TestServer.StartAsync("a");
        using var document = JsonDocument.Parse(await DocumentAsync(server));
        var properties = document.RootElement.GetProperty("components").GetProperty("schemas").GetProperty("ChatCompletionRequest").GetProperty("properties");
        Assert.All(properties.EnumerateObject(), property => Assert.True(property.Value.TryGetProperty("description", out _), property.Name));
        foreach (var property in properties.EnumerateObject())
        {
            foreach (var (bound, step) in (IEnumerable<(string, double)>)[("minimum", -1), ("maximum", 1)])
            {
                if (!property.Value.TryGetProperty(bound, out var limit)) continue;
                var value = (limit.GetDouble() + step).ToString(System.Globalization.CultureInfo.InvariantCulture);
                using var response = await server.PostAsync(TestServer.Chat($"\"logprobs\":true,\"{property.Name}\":{value}"));
                Assert.Contains($"\"param\":\"{property.Name}\"", await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest), StringComparison.Ordinal);
            }
        }
    }

    private static Task<string> DocumentAsync(TestServer server) =>
        server.Client.GetStringAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken);
}
