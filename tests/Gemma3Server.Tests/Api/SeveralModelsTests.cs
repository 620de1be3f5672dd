using System.Net;
using System.Text.Json;
using Gemma3Server.Catalog;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>Requests to several models of one server.</summary>
public sealed class SeveralModelsTests
{
    private const int Timeout = 60_000;

    private const string Other = "other";

    [Theory(Timeout = Timeout)]
    [InlineData("/v1/chat/completions", """{"model":"MODEL","messages":[{"role":"user","content":"Who are you?"}]}""", "I am MODEL")]
    [InlineData("/v1/chat/completions", """{"model":"MODEL","messages":[{"role":"user","content":"Who are you?"}],"stream":true}""", "\"model\":\"MODEL\"")]
    [InlineData("/v1/completions", """{"model":"MODEL","prompt":"a","max_tokens":1}""", "\"model\":\"MODEL\"")]
    [InlineData("/v1/embeddings", """{"model":"MODEL","input":"a"}""", "\"model\":\"MODEL\"")]
    [InlineData("/v1/responses", """{"model":"MODEL","input":"Who are you?"}""", "I am MODEL")]
    [InlineData("/v1/responses/input_tokens", """{"model":"MODEL","input":"a"}""", "input_tokens")]
    [InlineData("/v1/chat/completions/input_tokens", """{"model":"MODEL","messages":[{"role":"user","content":"a"}]}""", "input_tokens")]
    [InlineData("/apply-template", """{"model":"MODEL","messages":[{"role":"user","content":"a"}]}""", "prompt")]
    [InlineData("/tokenize", """{"model":"MODEL","content":"a"}""", "tokens")]
    [InlineData("/detokenize", """{"model":"MODEL","tokens":[300]}""", "content")]
    public async Task Post_ModelIsNamed_ThatOneAnswers(string path, string body, string expected)
    {
        var models = new FakeModels();
        await using var server = await models.StartAsync([Other]);
        Assert.Equal([TestServer.ModelId], models.Loaded.Select(one => one.Id)); // the other one only when it is asked for
        foreach (var id in (string[])[Other, TestServer.ModelId, Other])
        {
            using var response = await server.PostToAsync(path, body.Replace("MODEL", id, StringComparison.Ordinal));
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(response.StatusCode == HttpStatusCode.OK, text);
            Assert.Contains(expected.Replace("MODEL", id, StringComparison.Ordinal), text, StringComparison.Ordinal);
        }

        Assert.Equal([TestServer.ModelId, Other], models.Loaded.Select(one => one.Id));
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_ModelLoads_StreamGetsCommentsAndOthersAreServed()
    {
        var (models, time) = (new FakeModels(), new ManualTime());
        await using var server = await models.StartAsync([Other, "third"], null, time);
        var held = models.Hold(Other);
        var streaming = server.PostAsync(For(Other, "\"stream\":true"), HttpCompletionOption.ResponseHeadersRead);
        var whole = server.PostAsync(For(Other));
        await IsHeldAsync(server);
        await time.FireAsync();
        using var response = await streaming;
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using (var served = await server.PostAsync(TestServer.Chat())) Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        Assert.False(whole.IsCompleted);

        // One at a time: the third waits for the second.
        var third = server.PostAsync(For("third", "\"stream\":true"), HttpCompletionOption.ResponseHeadersRead);
        while (!third.IsCompleted) await time.FireAsync(); // of both streams, by turns
        using var behind = await third;
        held.Dispose();
        var text = await TestServer.ReadAsync(response);
        Assert.Matches(@"^(: loading other: 50 %\n\n)+data: \{", text);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
        Assert.Matches(@"^(: loading third: waiting for another load\n\n)+(: loading third: (0|50) %\n\n)*data: \{", await TestServer.ReadAsync(behind));
        using var answer = await whole;
        Assert.Equal("I am other", Assert.Single(await ChatBodies.WholeAsync(answer)).Text);
    }

    [Theory(Timeout = Timeout)]
    [InlineData("/v1/chat/completions", """{"model":"other","messages":[{"role":"user","content":"a"}],"stream":true,"max_tokens":0}""",
        "data: {\"error\":{\"message\":\"'max_tokens' must be")]
    [InlineData("/v1/completions", """{"model":"other","prompt":"a","stream":true,"max_tokens":0}""", "data: {\"error\":{\"message\":\"'max_tokens' must be")]
    [InlineData("/v1/responses", """{"model":"other","input":"a","stream":true,"max_output_tokens":0}""", "event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,")]
    public async Task Post_RefusedAfterComments_IsAnErrorEvent(string path, string body, string expected)
    {
        var (models, time) = (new FakeModels(), new ManualTime());
        await using var server = await models.StartAsync([Other], null, time);
        var held = models.Hold(Other);
        var sending = server.SendAsync(HttpMethod.Post, path, body);
        await IsHeldAsync(server);
        await time.FireAsync();
        using var response = await sending;
        held.Dispose();
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(": loading other: 50 %\n\n" + expected, text, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_IgnoredFieldsAfterComments_AreNamedInOne()
    {
        var (models, time) = (new FakeModels(), new ManualTime());
        await using var server = await models.StartAsync([Other], null, time);
        var held = models.Hold(Other);
        var sending = server.PostAsync(For(Other, "\"stream\":true,\"user\":\"u\""), HttpCompletionOption.ResponseHeadersRead);
        await IsHeldAsync(server);
        await time.FireAsync();
        using var response = await sending;
        held.Dispose();
        Assert.StartsWith(": loading other: 50 %\n\n: x-ignored-params: user\n\ndata: {", await TestServer.ReadAsync(response), StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_DoesNotFitBesideABusyOne_WaitsAndTheBusyOneIsNotTouched()
    {
        using var gate = new StepGate(2);
        var models = new FakeModels { Memory = 25, Shape = (id, options) => id == Other ? options with { OnForward = gate.Pass } : options };
        await using var server = await models.StartAsync([Other, "third"]);
        var busy = server.PostAsync(For(Other));
        await gate.Reached.WaitAsync(TestContext.Current.CancellationToken);
        var waiting = server.PostAsync(For("third"));
        await TestServer.UntilAsync(() => server.Pool.DescribeWait(server.Model("third")) == "waiting for room");
        Assert.False(models.Loaded.Single(one => one.Id == Other).Runtime.Disposed);
        gate.Open();
        using var first = await busy;
        Assert.Equal("I am other", Assert.Single(await ChatBodies.WholeAsync(first)).Text);
        using var second = await waiting;
        Assert.Equal("I am third", Assert.Single(await ChatBodies.WholeAsync(second)).Text);
        Assert.True(models.Loaded.Single(one => one.Id == Other).Runtime.Disposed);
        Assert.False(models.Loaded.Single(one => one.Id == TestServer.ModelId).Runtime.Disposed); // pinned
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_BackgroundResponse_KeepsItsModelBusy()
    {
        using var gate = new StepGate(2);
        var models = new FakeModels { Shape = (id, options) => id == Other ? options with { OnForward = gate.Pass } : options };
        await using var server = await models.StartAsync([Other], options => options with { Models = options.Models with { KeepAlive = "0" } });
        var started = await server.RespondAsync("""{"model":"other","input":"a","background":true}""").JsonAsync();
        await gate.Reached.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("loaded", await StateAsync(server, Other));
        gate.Open();
        var path = $"/v1/responses/{started.GetProperty("id").GetString()}";
        while ((await server.GetAsync(path)).GetProperty("status").GetString() != "completed") await Task.Delay(1, TestContext.Current.CancellationToken);
        await TestServer.UntilAsync(() => models.Loaded.Single(one => one.Id == Other).Runtime.Disposed);

        // Its conversation goes on with another model.
        var next = await server.RespondAsync($$"""{"model":"{{TestServer.ModelId}}","input":"b","previous_response_id":"{{started.GetProperty("id").GetString()}}"}""").JsonAsync();
        Assert.Equal(TestServer.ModelId, next.GetProperty("model").GetString());
    }

    [Theory(Timeout = Timeout)]
    [InlineData("\"5 minutes\"", "invalid_value", "but is \"5 minutes\"")]
    [InlineData("1e9", "invalid_value", "but is 1e9")]
    [InlineData("\"721h\"", "invalid_value", "of at most 720h")]
    [InlineData("[]", "invalid_type", "expected a number or a string, but got an array")]
    public async Task Post_KeepAliveIsWrong_Is400AndLoadsNothing(string value, string code, string message)
    {
        var models = new FakeModels();
        await using var server = await models.StartAsync([Other]);
        using var response = await server.PostAsync(For(Other, $"\"keep_alive\":{value}"));
        var error = await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest);
        Assert.Contains($"\"param\":\"keep_alive\",\"code\":\"{code}\"", error, StringComparison.Ordinal);
        Assert.Contains(JsonEncodedText.Encode(message, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString(), error, StringComparison.Ordinal);
        Assert.Single(models.Loaded);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_KeepAlive_DecidesWhenTheModelGoes()
    {
        var models = new FakeModels();
        await using var server = await models.StartAsync([Other]);
        using (var kept = await server.PostAsync(For(Other, "\"keep_alive\":\"1h30m\""))) Assert.False(kept.Headers.Contains("x-ignored-params"));
        Assert.Equal("5400s", (await StatusAsync(server, Other)).GetProperty("keep_alive").GetString());
        using (var gone = await server.PostToAsync("/tokenize", """{"model":"other","content":"a","keep_alive":0}""")) Assert.Equal(HttpStatusCode.OK, gone.StatusCode);
        await TestServer.UntilAsync(() => models.Loaded.Last().Runtime.Disposed);

        // The default model is pinned: there it means nothing, which is said.
        using var pinned = await server.PostAsync(TestServer.Chat("\"keep_alive\":0,\"user\":\"u\""));
        Assert.Equal("keep_alive,user", Assert.Single(pinned.Headers.GetValues("x-ignored-params")));
        using var strict = await server.PostAsync(TestServer.Chat("\"keep_alive\":0"), ("x-strict", "1"));
        Assert.Contains("keep_alive", await TestServer.ErrorAsync(strict, HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Equal("loaded", await StateAsync(server, TestServer.ModelId));
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_LoadFailsForMemory_IsMadeSmallerOrA503AndTheServerGoesOn()
    {
        var models = new FakeModels { Fault = options => options is { Model.Id: Other, Runtime.Parallel: > 2 } ? new("no memory") { IsForMemory = true } : null };
        await using var server = await models.StartAsync([Other], options => options with { Runtime = options.Runtime with { Parallel = 8 } });
        using (var served = await server.PostAsync(For(Other))) Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        Assert.Equal((Other, 2), models.Loaded.Select(one => (one.Id, one.Options.Runtime.Parallel)).Last());

        models.Fault = options => options.Model.Id == "third" ? new("no memory") { IsForMemory = true } : null;
        await using var second = await models.StartAsync(["third"]);
        using var refused = await second.PostAsync(For("third"));
        var error = await TestServer.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable);
        Assert.Contains("\"code\":\"out_of_memory\"", error, StringComparison.Ordinal);
        Assert.NotNull(refused.Headers.RetryAfter);
        using var other = await second.PostAsync(TestServer.Chat());
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        var status = await StatusAsync(second, "third");
        Assert.Equal(("failed", true, "no memory"), (status.GetProperty("value").GetString(), status.GetProperty("failed").GetBoolean(), status.GetProperty("reason").GetString()));
        using var ready = await second.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_TimeIsUpWhileTheModelLoads_Is504()
    {
        var models = new FakeModels();
        await using var server = await models.StartAsync([Other]);
        var held = models.Hold(Other);
        using var late = await server.PostAsync(For(Other), ("x-request-timeout", "0.05"));
        Assert.Contains("before its model was loaded", await TestServer.ErrorAsync(late, HttpStatusCode.GatewayTimeout), StringComparison.Ordinal);
        held.Dispose();
        using var served = await server.PostAsync(For(Other));
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_PulledModel_IsServedByItsNamesAndOthersAreExplained()
    {
        var store = Directory.CreateTempSubdirectory("gemma3server-models-");
        try
        {
            var file = Path.Combine(store.FullName, "me", "mine-GGUF", "mine-Q4_0.gguf");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
            CatalogEntry Entry(string repository, string path, params string[] aliases) => new()
            {
                Aliases = aliases,
                Source = "hub",
                Sources = { ["hub"] = new() { Repository = repository, File = new() { Path = path, Bytes = 3L << 30 } } },
            };
            var models = new FakeModels();
            await using var server = await models.StartAsync([], options => options with
            {
                Models = options.Models with { Directory = store.FullName },
                Catalog = new() { ["mine"] = Entry("me/mine-GGUF", "mine-Q4_0.gguf", "gemma3:mine"), ["27b"] = Entry("you/27b-GGUF", "27b.gguf", "gemma3:27b") },
            });
            foreach (var name in (string[])["mine", "gemma3:mine", "me/mine-GGUF"])
            {
                using var served = await server.PostAsync(For(name));
                Assert.Equal("I am mine", Assert.Single(await ChatBodies.WholeAsync(served)).Text);
            }

            Assert.Equal([TestServer.ModelId, "mine"], models.Loaded.Select(one => one.Id));
            using var absent = await server.PostAsync(For("gemma3:27b"));
            Assert.Contains("The model 'gemma3:27b' (3.2 GB) has not been pulled to this server. Get it with: gemma3server pull 27b",
                await TestServer.ErrorAsync(absent, HttpStatusCode.NotFound), StringComparison.Ordinal);
            using var near = await server.PostAsync(For("mime"));
            Assert.Contains("did you mean mine?", await TestServer.ErrorAsync(near, HttpStatusCode.NotFound), StringComparison.Ordinal);
            using var unknown = await server.PostAsync(For("gpt-4"));
            Assert.Contains("this server has 'gemma-test', 'mine'.", await TestServer.ErrorAsync(unknown, HttpStatusCode.NotFound), StringComparison.Ordinal);
        }
        finally
        {
            store.Delete(recursive: true);
        }
    }

    [Theory(Timeout = Timeout)]
    [InlineData(false, null, 403, "admin_key_required")]
    [InlineData(false, "Bearer admin", 403, "admin_key_required")]
    [InlineData(true, null, 401, "invalid_api_key")]
    [InlineData(true, "Bearer user", 401, "invalid_api_key")]
    [InlineData(true, "Bearer admin", 200, "\"success\":true")]
    public async Task Orders_Key_IsAskedFor(bool configured, string? authorization, int status, string expected)
    {
        await using var server = await new FakeModels().StartAsync([Other], options => options with
        {
            Http = options.Http with { ApiKeys = ["user"], AdminKeys = configured ? ["admin"] : [] },
        });
        (string, string)[] headers = authorization is null ? [] : [("Authorization", authorization)];
        using var response = await server.PostToAsync("/models/load", """{"model":"other"}""", headers);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Contains(expected, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Orders_LoadPinUnload_DoAsTheySay()
    {
        var models = new FakeModels();
        await using var server = await models.StartAsync([Other], options => options with { Http = options.Http with { AdminKeys = ["admin"] } });
        async Task<string> OrderAsync(string word, string more = "", string id = Other)
        {
            using var response = await server.PostToAsync($"/models/{word}", $$"""{"model":"{{id}}"{{more}}}""", ("Authorization", "Bearer admin"));
            return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        }

        var held = models.Hold(Other);
        var loading = OrderAsync("load", ",\"keep_alive\":-1");
        await TestServer.UntilAsync(() => server.Pool.StatusOf(server.Model(Other)).Progress > 0);
        var listed = await server.Client.GetStringAsync("/v1/models", TestContext.Current.CancellationToken);
        Assert.Contains("\"status\":{\"value\":\"loading\",\"progress\":0.5,\"pinned\":false,\"keep_alive\":\"300s\"}", listed, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"model_loading\"", await OrderAsync("unload"), StringComparison.Ordinal);
        held.Dispose();
        Assert.Contains("\"status\":{\"value\":\"loaded\",\"pinned\":false,\"requests\":0,\"keep_alive\":\"-1\",\"host_bytes\":10,\"gpu_bytes\":0}", await loading, StringComparison.Ordinal);
        Assert.Contains("\"pinned\":true", await OrderAsync("pin"), StringComparison.Ordinal);
        Assert.Contains("\"pinned\":false", await OrderAsync("pin", ",\"pinned\":false"), StringComparison.Ordinal);
        Assert.Contains("\"value\":\"unloaded\"", await OrderAsync("unload"), StringComparison.Ordinal);
        Assert.True(models.Loaded.Last().Runtime.Disposed);
        Assert.Contains("\"value\":\"unloaded\"", await OrderAsync("unload"), StringComparison.Ordinal);
        Assert.Contains("'pinned' does not belong to /models/load", await OrderAsync("load", ",\"pinned\":true"), StringComparison.Ordinal);
        Assert.Contains("missing_required_parameter", await OrderWithoutModelAsync(server), StringComparison.Ordinal);
        Assert.Contains("model_not_found", await OrderAsync("load", "", "nobody"), StringComparison.Ordinal);

        // The default model too: it is loaded again by the next request.
        Assert.Contains("\"value\":\"unloaded\"", await OrderAsync("unload", "", TestServer.ModelId), StringComparison.Ordinal);
        using var served = await server.PostAsync("""{"messages":[{"role":"user","content":"a"}]}""");
        Assert.Equal("I am gemma-test", Assert.Single(await ChatBodies.WholeAsync(served)).Text);
    }

    [Fact(Timeout = Timeout)]
    public async Task Start_PreloadedAndPinnedModels_AreLoadedAndStay()
    {
        var models = new FakeModels { Memory = 35 };
        await using var server = await models.StartAsync([Other, "third", "fourth"], options => options with
        {
            Models = options.Models with { Preload = [Other], Pinned = [Other], KeepAlive = "0" },
        });
        Assert.Equal([TestServer.ModelId, Other], models.Loaded.Select(one => one.Id));
        foreach (var id in (string[])["third", "fourth"])
        {
            using var served = await server.PostAsync(For(id));
            Assert.Equal($"I am {id}", Assert.Single(await ChatBodies.WholeAsync(served)).Text);
        }

        Assert.Equal(["loaded", "loaded"], [await StateAsync(server, TestServer.ModelId), await StateAsync(server, Other)]);
    }

    private static string For(string model, string more = "") =>
        $$"""{"model":"{{model}}","messages":[{"role":"user","content":"Hi"}]{{(more.Length > 0 ? "," + more : "")}}}""";

    /// <summary>Waits until the load of the other model stands at its half.</summary>
    private static Task IsHeldAsync(TestServer server) => TestServer.UntilAsync(() => server.Pool.StatusOf(server.Model(Other)).Progress == 0.5);

    private static async Task<string> OrderWithoutModelAsync(TestServer server)
    {
        using var response = await server.PostToAsync("/models/load", "{}", ("Authorization", "Bearer admin"));
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<JsonElement> StatusAsync(TestServer server, string id)
    {
        using var document = JsonDocument.Parse(await server.Client.GetStringAsync($"/v1/models/{id}", TestContext.Current.CancellationToken));
        return document.RootElement.GetProperty("status").Clone();
    }

    private static async Task<string?> StateAsync(TestServer server, string id) => (await StatusAsync(server, id)).GetProperty("value").GetString();
}
