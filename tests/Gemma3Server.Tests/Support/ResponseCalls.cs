using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gemma3Server.Tests.Support.Shapes;

namespace Gemma3Server.Tests.Support;

/// <summary>Calls of the Responses API; every answer is checked against OpenAI's description.</summary>
internal static partial class ResponseCalls
{
    /// <summary>A request body: the model, one message, and more fields.</summary>
    public static string Body(string more = "", string input = "\"Hi\"") =>
        $$"""{"model":"{{TestServer.ModelId}}","input":{{input}}{{(more.Length > 0 ? "," + more : "")}}}""";

    public static Task<HttpResponseMessage> RespondAsync(this TestServer server, string body, params (string Name, string Value)[] headers) =>
        server.SendAsync(HttpMethod.Post, "/v1/responses", body, headers);

    public static async Task<HttpResponseMessage> SendAsync(
        this TestServer server, HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>The answer to a request that must succeed.</summary>
    public static async Task<JsonElement> JsonAsync(this Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {text}");
        Assert.True(ResponseShapes.TryCheck(text), text);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    /// <summary>The error of a request that must fail.</summary>
    public static async Task<JsonElement> ErrorAsync(this Task<HttpResponseMessage> sent, HttpStatusCode status)
    {
        using var response = await sent;
        using var document = JsonDocument.Parse(await TestServer.ErrorAsync(response, status));
        return document.RootElement.Clone();
    }

    public static Task<JsonElement> GetAsync(this TestServer server, string path) => server.SendAsync(HttpMethod.Get, path).JsonAsync();

    /// <summary>The text of an answer, with the ids replaced.</summary>
    public static async Task<string> TextAsync(this Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(ResponseShapes.TryCheck(text), text);
        return WithoutIds(text);
    }

    /// <summary>The events of a stream; each must be named as its type says.</summary>
    public static async Task<List<JsonElement>> EventsAsync(this Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.True(text.Length == 0 || ResponseShapes.TryCheck(text), text);
        return ResponseElements.Events(text);
    }

    public static string WithoutIds(string text) => Ids.Replace(text, "${kind}_ID");

    [GeneratedRegex("(?<kind>resp|msg|fco?|call)_[0-9a-f]{32}")]
    private static partial Regex Ids { get; }
}
