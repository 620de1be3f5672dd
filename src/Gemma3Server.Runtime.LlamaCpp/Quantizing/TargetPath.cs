namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>Where a new checkpoint goes.</summary>
internal static class TargetPath
{
    /// <summary>The full path of a file that may be written, whose folder exists then.</summary>
    /// <exception cref="IOException">It is a folder, the file that is read, or there already.</exception>
    public static string Check(string path, string source, bool overwrite)
    {
        var target = Path.GetFullPath(path);
        if (Directory.Exists(target) || Path.EndsInDirectorySeparator(path)) throw new IOException("it is a folder: give the name of a file in it");
        if (target == source) throw new IOException("it is the file that is read");
        if (File.Exists(target) && !overwrite) throw new IOException("it exists already");
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        return target;
    }
}
