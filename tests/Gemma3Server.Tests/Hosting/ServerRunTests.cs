using System.Net;
using System.Net.Sockets;
using Gemma3Server.Catalog;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.Tests.Hosting;

/// <summary>Runs from settings to exit code.</summary>
public sealed class ServerRunTests : IDisposable
{
    private readonly string _model = Path.GetTempFileName();
    private readonly StringWriter _error = new();

    [Fact(Timeout = 60_000)]
    public async Task Run_StopAsked_ExitsWithZero()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var loaded = new TaskCompletionSource();
        var running = RunAsync(
            () =>
            {
                loaded.SetResult();
                return new FakeModelRuntime();
            },
            stop.Token);
        await loaded.Task.WaitAsync(TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        Assert.Equal(0, await running);
        Assert.Empty(_error.ToString());
    }

    [Fact(Timeout = 60_000)]
    public async Task Run_StopAskedWhileTheModelLoads_EndsTheLoadAndExitsWithZero()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var loading = new TaskCompletionSource();
        var running = RunAsync(
            stopped =>
            {
                loading.SetResult();
                stopped.WaitHandle.WaitOne();
                throw new OperationCanceledException(stopped);
            },
            stop.Token, ("Http:DrainTimeout", "3600"));
        await loading.Task.WaitAsync(TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        Assert.Equal(0, await running);
        Assert.Empty(_error.ToString());
    }

    [Fact(Timeout = 60_000)]
    public async Task Run_ModelCannotBeLoaded_ExitsWithOne() =>
        Assert.Equal(1, await RunAsync(() => throw new ModelLoadException("broken"), TestContext.Current.CancellationToken));

    [Fact(Timeout = 60_000)]
    public async Task Run_PortInUse_SaysSoInOneLineAndLoadsNothing()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var code = await RunAsync(
            () => throw new InvalidOperationException("must not be loaded"), TestContext.Current.CancellationToken, ("Http:Port", $"{port}"));
        Assert.Equal(1, code);
        Assert.Equal($"Cannot listen on 127.0.0.1 port {port}: the port is in use. Choose another one with --host and --port.", Assert.Single(Lines()));
    }

    [Theory]
    [InlineData("/", "is a directory")]
    [InlineData("missing.gguf", "The model file 'missing.gguf'")]
    public async Task Run_NoModelFile_SaysWhatToDo(string path, string message)
    {
        Assert.Equal(1, await RunAsync(() => new FakeModelRuntime(), TestContext.Current.CancellationToken, ("Model:Path", path)));
        var line = Assert.Single(Lines());
        Assert.Contains(message, line, StringComparison.Ordinal);
        Assert.Contains("gemma3server synth --shape 270m --out", line, StringComparison.Ordinal);
    }

    /// <summary>What --model takes, and with the same words where it is wrong.</summary>
    [Theory]
    [InlineData("/", "The draft model '/' (Gemma3:Model:DraftPath) is a directory.")]
    [InlineData("missing.gguf", "The draft model file 'missing.gguf' (Gemma3:Model:DraftPath) does not exist.")]
    [InlineData("270m", "The draft model '270m'")]
    [InlineData("271m", "did you mean 270m")]
    public async Task Run_NoDraftModelFile_SaysWhatToDo(string path, string message)
    {
        var catalog = ("Catalog:270m:Sources:here:Repository", "a/one-GGUF");
        Assert.Equal(1, await RunAsync(
            () => throw new InvalidOperationException("must not be loaded"), TestContext.Current.CancellationToken, ("Model:DraftPath", path), catalog,
            ("Catalog:270m:Source", "here"), ("Catalog:270m:Sources:here:File:Path", "one.gguf")));
        Assert.Contains(message, Assert.Single(Lines()), StringComparison.Ordinal);
    }

    [Fact]
    public void Locate_DraftModelThatWasPulled_IsItsFile()
    {
        var folder = Directory.CreateTempSubdirectory("gemma3server-draft-");
        try
        {
            var file = new ModelStore(folder.FullName).PathOf("a/one-GGUF", "one.gguf");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
            var options = new Gemma3ServerOptions
            {
                Models = new() { Directory = folder.FullName },
                Catalog = new() { ["one"] = new() { Source = "a", Sources = new() { ["a"] = new() { Repository = "a/one-GGUF", File = new() { Path = "one.gguf" } } } } },
            };
            foreach (var name in new[] { "one", "one.gguf", "a/one-GGUF", file })
            {
                var located = NamedModel.Locate(options with { Model = new() { Path = _model, DraftPath = name } }, out var fault);
                Assert.Equal((_model, file, null), (located.Model.Path, located.Model.DraftPath, fault));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Run_WrongSettings_ExitsWithTwoAndOneLineEach()
    {
        Assert.Equal(2, await RunAsync(() => new FakeModelRuntime(), TestContext.Current.CancellationToken, ("Http:Port", "-1"), ("Http:X", "1")));
        Assert.Equal(2, Lines().Length);
    }

    public void Dispose()
    {
        File.Delete(_model);
        _error.Dispose();
    }

    private string[] Lines() => _error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    private Task<int> RunAsync(Func<IModelRuntime> load, CancellationToken cancellationToken, params (string Key, string Value)[] settings) =>
        RunAsync(_ => load(), cancellationToken, settings);

    private Task<int> RunAsync(
        Func<CancellationToken, IModelRuntime> load, CancellationToken cancellationToken, params (string Key, string Value)[] settings)
    {
        var all = new Dictionary<string, string?> { ["Gemma3:Model:Path"] = _model, ["Gemma3:Http:Port"] = "0", ["Gemma3:Models:ServePulled"] = "false" };
        foreach (var (key, value) in settings) all["Gemma3:" + key] = value;
        return ServerRun.RunAsync(
            new ConfigurationBuilder().AddInMemoryCollection(all).Build(), _error, services => services.AddSingleton(RuntimeLoader.Of(load)), cancellationToken);
    }
}
