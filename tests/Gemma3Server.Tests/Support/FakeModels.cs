using System.Collections.Concurrent;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.Tests.Support;

/// <summary>Several fake models by their ids, each of which says its own id; loads can be held and refused.</summary>
internal sealed class FakeModels
{
    private readonly ConcurrentDictionary<string, ManualResetEventSlim> _held = new();

    /// <summary>What was loaded, in order.</summary>
    public ConcurrentQueue<(string Id, Gemma3ServerOptions Options, FakeModelRuntime Runtime)> Loaded { get; } = [];

    /// <summary>What a model takes; 10 where nothing is said.</summary>
    public Dictionary<string, long> Sizes { get; } = [];

    /// <summary>Memory for all.</summary>
    public long Memory { get; init; } = long.MaxValue / 4;

    /// <summary>Asked at each load: why it fails; null = it does not.</summary>
    public Func<Gemma3ServerOptions, ModelLoadException?> Fault { get; set; } = _ => null;

    /// <summary>Changes what the fake of a model is.</summary>
    public Func<string, FakeRuntimeOptions, FakeRuntimeOptions> Shape { get; set; } = (_, options) => options;

    /// <summary>Starts a server whose default model is <see cref="TestServer.ModelId"/>, with these beside it.</summary>
    public Task<TestServer> StartAsync(string[] others, Func<Gemma3ServerOptions, Gemma3ServerOptions>? change = null, TimeProvider? time = null)
    {
        var options = new Gemma3ServerOptions { Models = new() { Serve = others.ToDictionary(id => id, id => new ServeSettings { Path = $"{id}.gguf" }) } };
        return TestServer.StartAsync(
            () => throw new InvalidOperationException("replaced below"), change?.Invoke(options) ?? options, ready: true,
            services =>
            {
                services.AddSingleton(Loader);
                if (time is not null) services.AddSingleton(time);
            });
    }

    /// <summary>Holds the loads of a model until the result is disposed.</summary>
    public IDisposable Hold(string id)
    {
        var gate = _held[id] = new();
        return new Release(gate);
    }

    private RuntimeLoader Loader => new()
    {
        Load = (options, _, progress, stopped) =>
        {
            var id = options.Model.Id!;
            progress(0.5);
            if (_held.TryGetValue(id, out var gate)) gate.Wait(stopped);
            if (Fault(options) is { } fault) throw fault;
            var runtime = new FakeModelRuntime(Shape(id, new() { Next = ScriptedReply.Of($"I am {id}"), MaxSequences = Math.Max(1, options.Runtime.Parallel) }));
            Loaded.Enqueue((id, options, runtime));
            return runtime;
        },
        LoadDraft = (_, _, _, _) => throw new InvalidOperationException("no drafts here"),
        Need = options => new(new(SizeOf(options.Model.Id!), 0), SizeOf(options.Model.Id!)),
        TakenBy = runtime => new(SizeOf(Loaded.First(one => one.Runtime == runtime).Id), 0),
        Free = taken => new(Memory - taken.Host, 0),
    };

    private long SizeOf(string id) => Sizes.GetValueOrDefault(id, 10);

    private sealed class Release(ManualResetEventSlim gate) : IDisposable
    {
        public void Dispose() => gate.Set();
    }
}
