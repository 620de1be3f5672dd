using System.Net;
using System.Text.Json;
using Gemma3Server.Hosting;
using Gemma3Server.Tests.Cli;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.Configuration;

namespace Gemma3Server.Tests.Api;

/// <summary><c>GET /v1/plan</c>.</summary>
public sealed class PlanTests : IDisposable
{
    private readonly string _models = Directory.CreateTempSubdirectory("gemma3server-plan-").FullName;

    [Theory]
    [InlineData("?model=27b&gpu=24GB", "--model", "27b", "--gpu", "24GB")]
    [InlineData("?model=12b&gpu=16GB&users=2&context=16k&kv=q8_0", "--model", "12b", "--gpu", "16GB", "--users", "2", "--context", "16k", "--kv", "q8_0")]
    [InlineData("")]
    public async Task Get_Query_AnswersWhatTheCommandPrints(string query, params string[] arguments)
    {
        await using var server = await TestServer.StartAsync("a", Options());
        var body = await server.Client.GetStringAsync($"/v1/plan{query}", TestContext.Current.CancellationToken);
        var run = await CommandRun.RunAsync("", ["plan", "--models-dir", _models, "--json", .. arguments]);
        Assert.Equal(run.Output.TrimEnd(), body);
        Assert.StartsWith("{\"object\":\"plan\",\"data\":[{\"model\":", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_Detect_PlansThisMachine()
    {
        await using var server = await TestServer.StartAsync("a", Options());
        using var document = JsonDocument.Parse(await server.Client.GetStringAsync("/v1/plan?gpu=detect&model=1b", TestContext.Current.CancellationToken));
        var device = document.RootElement.GetProperty("data")[0].GetProperty("devices")[0];
        Assert.StartsWith("this machine", device.GetProperty("device").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpu=none", "gpu", "'gpu' must be from 512MB to 4096GB, such as 24GB, but is 'none'.")]
    [InlineData("users=0", "users", "'users' must be a whole number from 1 to 256, but is '0'.")]
    [InlineData("context=200k", "context", "'context' must be a number of tokens such as 8192 or 16k from 1 to 131072, but is '200k'.")]
    [InlineData("context=64k&model=1b", "context", "'context' must be at most 32768, which '1b' was trained for, but is 65536.")]
    [InlineData("kv=q5", "kv", "'kv' must be one of f16, q8_0, q4_0, bf16, f32, but is 'q5'.")]
    [InlineData("model=28b", "model", "'model' '28b' is no model that is known or has been pulled; did you mean 27b or 12b?")]
    [InlineData("model=/etc/hosts", "model", "'model' '/etc/hosts' is no model that is known or has been pulled; known are 270m, 1b, 4b, 12b, 27b.")]
    public async Task Get_BadQuery_Is400AndNamesTheField(string query, string field, string message)
    {
        await using var server = await TestServer.StartAsync("a", Options());
        using var response = await server.Client.GetAsync($"/v1/plan?{query}", TestContext.Current.CancellationToken);
        using var error = JsonDocument.Parse(await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest));
        Assert.Equal(field, error.RootElement.GetProperty("error").GetProperty("param").GetString());
        Assert.Equal(message, error.RootElement.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task Get_ServedModel_IsPlannedFromItsFileWithItsOwnSettings()
    {
        var options = Options();
        var pocket = Path.Combine(Repository.Root, "src/Gemma3Server/Models/gemma-3-pocket-it-qat-q4_0.gguf");
        await using var server = await TestServer.StartAsync("a", options with { Models = options.Models with { Serve = new() { ["small"] = new() { Path = pocket, ContextLength = 256, Parallel = 7 } } } });
        using var document = JsonDocument.Parse(await server.Client.GetStringAsync("/v1/plan?gpu=8GB&model=small", TestContext.Current.CancellationToken));
        var model = document.RootElement.GetProperty("data")[0];
        var device = model.GetProperty("devices")[0];
        Assert.Equal(("small", true), (model.GetProperty("model").GetString(), model.GetProperty("here").GetBoolean()));
        Assert.Equal((7, 256), (device.GetProperty("users").GetInt32(), device.GetProperty("context_length").GetInt32()));
    }

    [Fact]
    public async Task Get_UnknownField_IsNamedAsIgnored()
    {
        await using var server = await TestServer.StartAsync("a", Options());
        using var response = await server.Client.GetAsync("/v1/plan?model=1b&gpu=8GB&cards=2", TestContext.Current.CancellationToken);
        Assert.Equal(["cards"], response.Headers.GetValues("x-ignored-params"));
    }

    [Fact]
    public async Task Document_HasTheQuery()
    {
        await using var server = await TestServer.StartAsync("a", Options());
        using var document = JsonDocument.Parse(await server.Client.GetStringAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken));
        var get = document.RootElement.GetProperty("paths").GetProperty("/v1/plan").GetProperty("get");
        Assert.Equal(["model", "gpu", "users", "context", "kv"], get.GetProperty("parameters").EnumerateArray()
            .Where(parameter => parameter.GetProperty("in").GetString() == "query").Select(parameter => parameter.GetProperty("name").GetString()));
    }

    public void Dispose() => Directory.Delete(_models, recursive: true);

    private Gemma3ServerOptions Options() =>
        SettingsReader.Read(new ConfigurationBuilder().AddJsonFile(Path.Combine(Repository.Root, "appsettings.json")).Build()).Options with { Models = new() { Directory = _models } };
}
