using System.Text.RegularExpressions;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>Quantizes a Gemma 3 checkpoint with the library's own encoder.</summary>
/// <remarks>
/// <para>1. Check the source and plan the types. 2. Check the target's place. 3. Let the library write under a temporary name. 4. Read the
/// header back: the library does not notice every failed write. 5. Rename.</para>
/// <para>The library catches what it throws itself and answers with a code. What would end the process are its assertions, which the plan
/// keeps it from, and threads that cannot be started.</para>
/// </remarks>
public static partial class CheckpointQuantizer
{
    /// <summary>Quantizes; the file appears under its name only when it is complete.</summary>
    /// <param name="options">What, where and how.</param>
    /// <param name="loggers">Receives the library's log.</param>
    /// <param name="progress">Told at the start of every tensor, on the thread that computes.</param>
    /// <param name="cancellationToken">
    /// Removes what was written and ends at once. The library cannot be stopped: it goes on in the background, into a file without a name,
    /// until it is done or the process ends.
    /// </param>
    /// <exception cref="ModelLoadException">The source cannot be quantized; one line that says why.</exception>
    /// <exception cref="IOException">The target cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<QuantizeResult> RunAsync(
        QuantizeOptions options, ILoggerFactory loggers, Action<QuantizeProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);

        // 1. Source.
        var source = Path.GetFullPath(options.SourcePath);
        CheckpointFile.Check(source);
        var file = GgufFile.Open(source);
        var plan = QuantizePlan.Create(file, options);

        // 2. Target.
        var target = TargetPath.Check(options.TargetPath, source, options.Overwrite);
        SyntheticCheckpoint.RequireSpace(plan.TargetBytes, new DriveInfo(Path.GetDirectoryName(target)!).AvailableFreeSpace);
        NativeLibraryLoader.Load(options.LibraryDirectory, loggers);
        cancellationToken.ThrowIfCancellationRequested();

        // 3. Quantize. A name of its own: two processes may write the same file at the same time.
        var unfinished = $"{target}.{Guid.NewGuid():N}.partial";
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var native = Task.Factory.StartNew(
            () => Quantize(source, unfinished, options, file, Report), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            var fault = NativeAbort.Occurred;
            if (await Task.WhenAny(native, fault).WaitAsync(cancellationToken).ConfigureAwait(false) == fault)
                throw new ModelLoadException($"'{source}' cannot be quantized, llama.cpp stopped on a failed assertion: {(await fault.ConfigureAwait(false)).ReplaceLineEndings(" ")}");
            await native.ConfigureAwait(false);

            // 4. Read back.
            var written = Verify(unfinished, file, plan);

            // 5. Rename.
            File.Move(unfinished, target, options.Overwrite);
            return new(file.Length, written.Length, BitsPerWeight(file), BitsPerWeight(written));
        }
        catch
        {
            // The library makes the file after it has read the header; a name that is deleted too early would come back.
            await Task.WhenAny(native, begun.Task, NativeAbort.Occurred).ConfigureAwait(false);
            File.Delete(unfinished);
            throw;
        }

        void Report(QuantizeProgress step)
        {
            begun.TrySetResult();
            progress?.Invoke(step);
        }
    }

    private static unsafe void Quantize(string source, string target, QuantizeOptions options, GgufFile file, Action<QuantizeProgress> report)
    {
        var parameters = LlamaNative.llama_model_quantize_default_params();
        parameters.Threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        parameters.FileType = options.Type == GgmlType.Q4_0 ? LlamaFileType.MostlyQ4 : LlamaFileType.MostlyQ8;
        parameters.EmbeddingType = parameters.OutputType = options.EmbeddingType;
        parameters.AllowRequantize = options.AllowRequantize;
        var (total, begun) = (file.TensorBytes, 0L);
        NativeLog.BeginCapture();
        NativeLog.Listen(fragment =>
        {
            // "[  12/ 340] blk.0.ffn_up.weight - [...": logged before the tensor is read.
            if (TensorLine.Match(fragment) is not { Success: true } line || !file.TryGetTensor(line.Groups[1].Value, out var tensor)) return;
            report(new(tensor.Name, begun, total));
            begun += tensor.ByteLength;
        });
        var code = LlamaNative.llama_model_quantize(source, target, &parameters);
        NativeLog.Listen(null);
        var errors = NativeLog.EndCapture();
        if (code != 0) throw new ModelLoadException($"'{source}' could not be quantized ({CheckpointFile.Last(errors)}).");
    }

    /// <exception cref="IOException">The file is not what was asked for.</exception>
    private static GgufFile Verify(string path, GgufFile source, QuantizePlan plan)
    {
        try
        {
            var written = GgufFile.Open(path);
            GemmaCheckpoint.Validate(written);
            if (written.Tensors.Count == source.Tensors.Count && written.Tensors.All(tensor => plan.Types.GetValueOrDefault(tensor.Name) == tensor.Type)) return written;
        }
        catch (GgufException error)
        {
            throw new IOException($"what was written is damaged (is the disk full?): {error.Message}", error);
        }

        throw new IOException("what was written has other tensors than were asked for");
    }

    private static double BitsPerWeight(GgufFile file) => 8d * file.TensorBytes / file.ParameterCount;

    [GeneratedRegex(@"^\[ *\d+/ *\d+\] (\S+) ")]
    private static partial Regex TensorLine { get; }
}
