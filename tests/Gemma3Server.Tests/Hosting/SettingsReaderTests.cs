using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.Configuration;

namespace Gemma3Server.Tests.Hosting;

public sealed class SettingsReaderTests
{
    [Fact]
    public void Read_Nothing_GivesDefaults()
    {
        var (options, faults) = Read();
        Assert.Empty(faults);
        Assert.Equal("127.0.0.1", options.Http.Host);
        Assert.Equal(8080, options.Http.Port);
    }

    [Fact]
    public void Read_ShippedFile_EqualsDefaults()
    {
        var configuration = new ConfigurationBuilder().AddJsonFile(Path.Combine(Repository.Root, "appsettings.json")).Build();
        var (options, faults) = SettingsReader.Read(configuration);
        var defaults = new Gemma3ServerOptions();
        Assert.Empty(faults);
        Assert.Equal(defaults.Engine, options.Engine);
        Assert.Equal(defaults.Responses, options.Responses);
        Assert.Equal(defaults.Runtime, options.Runtime with { LibraryDirectory = null });
        Assert.Equal(defaults.Http, options.Http with { ApiKeys = defaults.Http.ApiKeys, AdminKeys = defaults.Http.AdminKeys, CorsOrigins = defaults.Http.CorsOrigins });
        Assert.Empty(options.Http.ApiKeys);
        Assert.Empty(options.Http.CorsOrigins);
    }

    [Fact]
    public void Defaults_OfSettings_EqualThoseOfTheLayersBelow()
    {
        var (engine, runtime) = (new EngineOptions(), new LlamaCppOptions { ModelPath = "" });
        var options = new Gemma3ServerOptions();
        Assert.Equal((engine.QueueLimit, engine.StepTokens, engine.PrefixReuse, engine.CheckpointBytes, engine.HostCacheBytes, engine.ForkMinimumTokens,
                engine.HostMinimumTokens, engine.ReserveTokens),
            (options.Engine.QueueLimit, options.Engine.StepTokens, options.Engine.PrefixReuse, options.Engine.CheckpointBytes, options.Engine.HostCacheBytes,
                options.Engine.ForkMinimumTokens, options.Engine.HostMinimumTokens, options.Engine.ReserveTokens));
        Assert.Equal((engine.AdaptiveBudget, engine.InterTokenFactor, engine.InterTokenMilliseconds, engine.PrefillShare),
            (options.Engine.AdaptiveBudget, options.Engine.InterTokenFactor, options.Engine.InterTokenMilliseconds, options.Engine.PrefillShare));
        Assert.Equal((runtime.GpuLayers, runtime.ContextLength, runtime.Parallel, runtime.BatchTokens, runtime.MicroBatchTokens, runtime.Threads),
            (options.Runtime.GpuLayers, options.Runtime.ContextLength, options.Runtime.Parallel, options.Runtime.BatchTokens,
                options.Runtime.MicroBatchTokens, options.Runtime.Threads));
        Assert.Equal((runtime.KeyCacheType, runtime.ValueCacheType, runtime.MemoryMap, runtime.MemoryLock, runtime.SharedCells, runtime.SharedCellCount),
            (options.Runtime.KeyCacheType, options.Runtime.ValueCacheType, options.Runtime.MemoryMap, options.Runtime.MemoryLock,
                options.Runtime.SharedCells, options.Runtime.SharedCellCount));
    }

    [Fact]
    public void Read_SeveralModels_AreReadAndChecked()
    {
        var (options, faults) = Read(
            ("Models:Serve:small:Path", "1b"), ("Models:Serve:small:Parallel", "2"), ("Models:Serve:small:KeepAlive", "1h"), ("Models:KeepAlive", "-1"),
            ("Models:Preload:0", "small"));
        Assert.Empty(faults);
        var own = options.Models.Serve["small"].Over(options, "small");
        Assert.Equal(("small", "1b", 2, 0, "1h"), (own.Model.Id, own.Model.Path, own.Runtime.Parallel, own.Runtime.ContextLength, own.Models.KeepAlive));

        (_, faults) = Read(
            ("Models:Serve:small:Parallel", "257"), ("Models:Serve:small:ToolFormat", "xml"), ("Models:Serve:small:KeepAlive", "soon"),
            ("Models:Serve:small:SharedCells", "maybe"),
            ("Models:KeepAlive", "1d"), ("Models:Pinned:0", " "), ("Models:MostLoaded", "-1"), ("Http:AdminKeys:0", ""));
        Assert.Equal(
            [
                "Gemma3:Models:MostLoaded must be between 0 and 1000, but is '-1'.",
                "Gemma3:Http:AdminKeys must not contain an empty key.",
                "Gemma3:Models:KeepAlive must be seconds or a time such as 5m or 1h30m, of at most 720h, 0 or -1, but is '1d'.",
                "Gemma3:Models:Pinned must not contain an empty name.",
                "Gemma3:Models:Serve:small:Parallel must be between 0 and 256, but is 257.",
                "Gemma3:Models:Serve:small:ToolFormat must be one of json, pythonic, but is 'xml'.",
                "Gemma3:Models:Serve:small:SharedCells must be auto, true or false, but is 'maybe'.",
                "Gemma3:Models:Serve:small:KeepAlive must be seconds or a time such as 5m or 1h30m, of at most 720h, 0 or -1, but is 'soon'.",
            ],
            faults);
        (_, faults) = Read(("Models:Serve:small:Parallel", "many"), ("Models:Serve:small:Context", "1"));
        Assert.Equal(2, faults.Count);
        Assert.Contains("did you mean ContextLength?", faults[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SeveralFaults_ReportsAllWithNameAndFlag()
    {
        var (_, faults) = Read(
            ("Http:Port", "x"), ("Http:Prot", "1"), ("Http:MaxBodyBytes", "1"), ("Http:Host", "nowhere"), ("Http:ApiKeys", "k"),
            ("Runtime:Parallel", "-1"), ("Runtime:KeyCacheType", "q3"), ("Runtime:MemoryMap", "maybe"), ("Engine", "5"),
            ("Engine:QueueLimit:0", "1"), ("Speed", "fast"));
        Assert.Equal(
            [
                "Gemma3:Engine is a section, not a value.",
                "Gemma3:Engine:QueueLimit (--queue-limit) must be a single value.",
                "Gemma3:Http:ApiKeys must be a list: set Http:ApiKeys:0, Http:ApiKeys:1, ...",
                "Gemma3:Http:Host (--host) must be an IP address, localhost or *, but is 'nowhere'.",
                "Gemma3:Http:MaxBodyBytes must be between 1024 and 1073741824, but is '1'.",
                "Gemma3:Http:Port (--port) must be a whole number, but is 'x'.",
                "Gemma3:Http:Prot is unknown; known here: Host, Port, ApiKeys, AdminKeys, CorsOrigins, MaxBodyBytes, DrainTimeout, MaxConnections.",
                "Gemma3:Runtime:KeyCacheType must be one of f32, f16, bf16, q8_0, q4_0, but is 'q3'.",
                "Gemma3:Runtime:MemoryMap must be true or false, but is 'maybe'.",
                "Gemma3:Runtime:Parallel (--parallel) must be between 0 and 256, but is '-1'.",
                "Gemma3:Speed is unknown; known here: Model, Models, Catalog, Runtime, Engine, Responses, Http.",
            ],
            faults.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Read_MicroBatchLargerThanBatch_IsRefused() =>
        Assert.Contains("at most Runtime:BatchTokens (256)", Assert.Single(Read(("Runtime:BatchTokens", "256")).Faults), StringComparison.Ordinal);

    [Theory]
    [InlineData("*", true)]
    [InlineData("https://example.org", true)]
    [InlineData("http://localhost:3000", true)]
    [InlineData("https://example.org/", false)]
    [InlineData("https://example.org:443", false)]
    [InlineData("example.org", false)]
    [InlineData("", false)]
    public void Read_CorsOrigin_MustBeWhatBrowsersSend(string origin, bool accepted)
    {
        var (_, faults) = Read(("Http:CorsOrigins:0", "https://a.example"), ("Http:CorsOrigins:1", origin));
        if (accepted) Assert.Empty(faults);
        else Assert.EndsWith($"but one is '{origin}'.", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("*", true)]
    [InlineData("localhost", true)]
    [InlineData("example.org", false)]
    public void TryAddress_Host_IsAnAddress(string host, bool expected) => Assert.Equal(expected, SettingsReader.TryAddress(host, out _));

    private static (Gemma3ServerOptions Options, IReadOnlyList<string> Faults) Read(params (string Key, string Value)[] settings) =>
        SettingsReader.Read(new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("Gemma3:" + s.Key, (string?)s.Value))).Build());
}
