namespace Gemma3Pocket.Curriculum;

/// <summary>Which combinations a lesson may be made of. They are told apart by a hash of the combination, so the two never meet.</summary>
public enum LessonSplit
{
    /// <summary>For training.</summary>
    Train,

    /// <summary>Never trained on.</summary>
    HeldOut,
}
