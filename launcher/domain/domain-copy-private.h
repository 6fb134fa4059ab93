/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libxml/tree.h>

#include "launcher/domain/domain-copy.h"

struct _DomainCopy {
    xmlDoc *doc; /* without white space between elements */
    DomainFacts facts;
};

/** domain_copy_find_disk: (nullable): the disk that boots */
xmlNode *domain_copy_find_disk (const xmlNode *domain);
