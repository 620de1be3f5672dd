using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.Planning;

/// <summary>What the native library itself says that it allocates for a model and its contexts; asked of it without allocating.</summary>
internal sealed partial class NativeMeasurement : IDisposable
{
    private readonly LlamaModelHandle _model;

    public NativeMeasurement(string path)
    {
        NativeLibraryLoader.Load(TestLibrary.Directory, NullLoggerFactory.Instance);
        var parameters = LlamaNative.llama_model_default_params();
        (parameters.NoAllocation, parameters.LoadMode, parameters.GpuLayers) = (true, LlamaLoadMode.None, 0);
        _model = LlamaNative.llama_model_load_from_file(path, parameters);
        Assert.False(_model.IsInvalid);
    }

    public long WeightBytes => (long)LlamaNative.llama_model_size(_model);

    /// <summary>Bytes of the KV caches, global and sliding-window, and of the compute buffers, as the library logs them.</summary>
    public (double GlobalKv, double WindowKv, double Compute) Measure(ContextPlan plan)
    {
        var log = new StringBuilder();
        NativeLog.Listen(text => log.Append(text));
        try
        {
            using var context = LlamaNative.llama_init_from_model(_model, LlamaContext.Translate(plan));
            Assert.False(context.IsInvalid, log.ToString());
        }
        finally
        {
            NativeLog.Listen(null);
        }

        var kv = Numbers(KvSize, log.ToString());
        Assert.Equal(2, kv.Length);
        return (kv[0], kv[1], Numbers(ComputeSize, log.ToString()).Sum());
    }

    public void Dispose() => _model.Dispose();

    private static double[] Numbers(Regex pattern, string log) =>
        [.. pattern.Matches(log).Select(match => double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) * (1 << 20))];

    [GeneratedRegex(@"llama_kv_cache: size = +([\d.]+) MiB")]
    private static partial Regex KvSize { get; }

    [GeneratedRegex(@"compute buffer size = +([\d.]+) MiB")]
    private static partial Regex ComputeSize { get; }
}
