using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support.Shapes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.Tests.Support;

/// <summary>The whole server, on real Kestrel and a free port, with the fake runtime.</summary>
internal sealed partial class TestServer : IAsyncDisposable
{
    public const string ModelId = "gemma-test";

    private static readonly string NoModels = Path.Combine(Path.GetTempPath(), "gemma3server-tests-have-no-models");

    private readonly WebApplication _app;

    private TestServer(WebApplication app)
    {
        _app = app;
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        Client = new HttpClient { BaseAddress = new Uri(address) };
    }

    public HttpClient Client { get; }

    /// <summary>That of the default model.</summary>
    public InferenceEngine Engine => EngineOf(_app.Services.GetRequiredService<ModelDirectory>().Default);

    public ModelPool Pool => _app.Services.GetRequiredService<ModelPool>();

    public IServiceProvider Services => _app.Services;

    public static Task<TestServer> StartAsync(string reply, Gemma3ServerOptions? options = null) =>
        StartAsync(new FakeRuntimeOptions { Next = ScriptedReply.Of(reply) }, options);

    public static Task<TestServer> StartAsync(FakeRuntimeOptions? runtime = null, Gemma3ServerOptions? options = null) =>
        StartAsync(() => new FakeModelRuntime(runtime), options, ready: true);

    public static async Task<TestServer> StartAsync(
        Func<IModelRuntime> load, Gemma3ServerOptions? options, bool ready, Action<IServiceCollection>? customize = null)
    {
        options ??= new();
        options = options with { Http = options.Http with { Port = 0 }, Model = options.Model with { Id = options.Model.Id ?? ModelId, Path = "none.gguf" } };
        if (options.Models.Directory is null) options = options with { Models = options.Models with { Directory = NoModels } }; // not the user's own
        if (options.Responses.Path == ResponseSettings.Auto) options = options with { Responses = options.Responses with { Path = "" } };
        var app = ServerHost.Build(options, new ConfigurationBuilder().Build(), services =>
        {
            services.AddSingleton(RuntimeLoader.Of(_ => load()));
            services.AddSingleton<TimeProvider>(new FixedTime());
            customize?.Invoke(services);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var server = new TestServer(app);
        if (ready) await server.Pool.Started;
        return server;
    }

    /// <summary>A request body: the model, one message, and more fields.</summary>
    public static string Chat(string more = "", string content = "Hi") =>
        $$"""{"model":"{{ModelId}}","messages":[{"role":"user","content":"{{content}}"}]{{(more.Length > 0 ? "," + more : "")}}}""";

    public Task<HttpResponseMessage> PostAsync(
        string body, params (string Name, string Value)[] headers) => PostAsync(body, HttpCompletionOption.ResponseContentRead, headers);

    public async Task<HttpResponseMessage> PostAsync(
        string body, HttpCompletionOption completion, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        foreach (var (name, value) in headers) request.Headers.Add(name, value);
        return await Client.SendAsync(request, completion, TestContext.Current.CancellationToken);
    }

    /// <summary>Posts a body to another route than chat's.</summary>
    public async Task<HttpResponseMessage> PostToAsync(string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers) request.Headers.Add(name, value);
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Pool.DisposeAsync();
        await _app.DisposeAsync();
    }

    /// <summary>A body whose random parts are replaced, so that it can be compared as a whole; checked against OpenAI's description.</summary>
    public static async Task<string> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        OpenAiShapes.Check(text);
        return Fingerprints.Replace(CallIds.Replace(Ids.Replace(text, "chatcmpl-ID"), "call_ID"), "fp_X");
    }

    /// <summary>The model of this id.</summary>
    public ServedModel Model(string id) => _app.Services.GetRequiredService<ModelDirectory>().All().Single(model => model.Id == id);

    private InferenceEngine EngineOf(ServedModel model) => ((ModelSession)Pool.InstanceOf(model)!).Engine;

    /// <summary>Waits until another thread has come so far; fails with the test's timeout.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(1, TestContext.Current.CancellationToken);
    }

    public static async Task<string> ErrorAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        var text = await ReadAsync(response);
        Assert.True(response.StatusCode == status, $"{response.StatusCode}: {text}");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return text;
    }

    [GeneratedRegex("chatcmpl-[0-9a-f]{32}")]
    private static partial Regex Ids { get; }

    [GeneratedRegex("call_[0-9a-f]{32}")]
    private static partial Regex CallIds { get; }

    [GeneratedRegex("fp_[0-9a-f]{10}")]
    private static partial Regex Fingerprints { get; }
}
