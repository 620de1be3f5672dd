using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Planning;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Looks at a checkpoint before the library does, so that a bad file gets a message that says what is wrong and what to do, and none reaches
/// an assert.
/// </summary>
internal static class CheckpointFile
{
    /// <summary>Checks it and returns what decides how much memory it takes.</summary>
    /// <exception cref="ModelLoadException">Missing, unreadable, damaged, truncated, or no Gemma 3 language model.</exception>
    public static ModelFootprint Check(string path)
    {
        if (Directory.Exists(path)) throw new ModelLoadException($"Model path '{path}' is a folder: give the .gguf file in it.");
        if (!File.Exists(path))
            throw new ModelLoadException($"Model file '{path}' does not exist: download a Gemma 3 checkpoint in GGUF format, or correct the path.");
        try
        {
            return ModelFootprint.Read(path);
        }
        catch (GgufException error) when (error.InnerException is UnauthorizedAccessException)
        {
            throw new ModelLoadException($"Model file {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}: let the server's user read it.", error);
        }
        catch (GgufException error)
        {
            throw new ModelLoadException($"Model file {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}: download it again, or choose another Gemma 3 checkpoint.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException($"Model file '{path}' cannot be read: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>The last of the library's own error lines, for the end of a message.</summary>
    public static string Last(IReadOnlyList<string> errors) => errors.Count == 0
        ? "the library gives no reason"
        : string.Join("; ", errors.Where(line => !line.EndsWith("failed to load model", StringComparison.Ordinal)).TakeLast(2).DefaultIfEmpty(errors[^1]));
}
