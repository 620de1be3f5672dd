using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Cli.Bench;

/// <summary>A checkpoint of a published shape with random weights, for as long as it is measured: same bytes, same kernels, same speed as the real file.</summary>
internal sealed class ShapeCheckpoint : IDisposable
{
    private readonly DirectoryInfo _folder;

    private ShapeCheckpoint(DirectoryInfo folder, string path) => (_folder, Path) = (folder, path);

    /// <summary>The shapes that there are.</summary>
    public static IReadOnlyList<string> Names => GemmaShape.Names;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Where one is written unless somebody says otherwise: among temporary files, or, where those are in memory, which the model needs, among models.</summary>
    /// <param name="temporary">The folder for temporary files.</param>
    /// <param name="models">The folder for models; empty = none.</param>
    public static string FolderOf(string temporary, string models) =>
        models.Length > 0 && new DriveInfo(temporary).DriveFormat is "tmpfs" or "ramfs" ? models : temporary;

    /// <summary>Writes one into a folder of its own below <paramref name="directory"/>; the disk is asked first whether it has room.</summary>
    /// <exception cref="CommandFault">There is no room, or it cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped, and nothing is left of it.</exception>
    public static async Task<ShapeCheckpoint> WriteAsync(string name, string directory, Action<string> say, CancellationToken cancellationToken)
    {
        if (!GemmaShape.TryGet(name, out var shape)) throw new ArgumentException(name, nameof(name));
        ShapeCheckpoint? checkpoint = null;
        try
        {
            var folder = Directory.CreateDirectory(System.IO.Path.Combine(directory, $"gemma3server-bench-{Guid.NewGuid():N}"));
            checkpoint = new(folder, System.IO.Path.Combine(folder.FullName, $"gemma-3-{name}-random.gguf"));
            await Task.Run(() => SyntheticCheckpoint.Write(shape, checkpoint.Path, progress: new Progress(checkpoint.Path, say), cancellationToken: cancellationToken), CancellationToken.None);
            return checkpoint;
        }
        catch (Exception exception)
        {
            checkpoint?.Dispose();
            if (exception is IOException or UnauthorizedAccessException)
                throw new CommandFault($"A checkpoint of shape {name} cannot be written to '{directory}': {exception.Message.TrimEnd('.')}. Give another folder with --dir.");
            throw;
        }
    }

    /// <summary>Removes it; also while it is in use, since a file that was read, or mapped on Linux, is not needed by its name.</summary>
    public void Dispose()
    {
        if (Directory.Exists(_folder.FullName)) _folder.Delete(recursive: true);
    }

    private sealed class Progress(string path, Action<string> say) : IProgress<SyntheticCheckpointProgress>
    {
        private int _tenth = -1;

        public void Report(SyntheticCheckpointProgress value)
        {
            var tenth = (int)(10 * value.BytesWritten / Math.Max(1, value.TotalBytes));
            if (tenth == _tenth) return;
            _tenth = tenth;
            say($"writing {path}, {value.TotalBytes / 1e6:0} MB: {10 * tenth} %");
        }
    }
}
