using System.Net;
using System.Net.Sockets;
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
