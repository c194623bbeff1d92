"""The doctor looks over an installation and says what to do about what it finds.

for finding in examine(Settings.from_environment()):
    print(finding.level, finding.said, finding.todo)
"""

from core.doctor.examination import examine
from core.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
