using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.EndToEndTests;

/// <summary>Generated checkpoints of the published shapes, made once a test run and removed with it.</summary>
internal static class Checkpoints
{
    private static readonly Lock Gate = new();
    private static readonly string Folder = Directory.CreateTempSubdirectory("gemma3server-e2e-").FullName;

    static Checkpoints() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);

    /// <summary>The file of a shape's checkpoint; another seed is another model.</summary>
    public static string Path(string shape, ulong seed = 42)
    {
        lock (Gate)
        {
            var path = System.IO.Path.Combine(Folder, seed == 42 ? $"gemma-3-{shape}.gguf" : $"gemma-3-{shape}-{seed}.gguf");
            if (File.Exists(path)) return path;
            Assert.True(GemmaShape.TryGet(shape, out var found), $"no shape '{shape}'");
            SyntheticCheckpoint.Write(found, path, seed, cancellationToken: TestContext.Current.CancellationToken);
            return path;
        }
    }

    /// <summary>The tiny checkpoint, said to be trained for so many tokens.</summary>
    public static string TinyOf(int contextLength)
    {
        var path = System.IO.Path.Combine(Folder, $"gemma-3-tiny-of-{contextLength}.gguf");
        SyntheticCheckpoint.Write(GemmaShape.Tiny with { ContextLength = contextLength }, path, seed: 42, cancellationToken: TestContext.Current.CancellationToken);
        return path;
    }

    /// <summary>The first <paramref name="bytes"/> bytes of a shape's checkpoint, in a file of its own.</summary>
    public static string Truncated(string shape, int bytes)
    {
        var path = System.IO.Path.Combine(Folder, $"truncated-{shape}-{bytes}.gguf");
        File.WriteAllBytes(path, File.ReadAllBytes(Path(shape))[..bytes]);
        return path;
    }
}
